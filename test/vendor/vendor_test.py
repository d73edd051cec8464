#!/usr/bin/env python3
"""The simulated vendor refuses what the documents say that it refuses."""

import unittest

from vendor import Refused, Vendor

LEARNING = 'Default_license_learning_proAllLanguages_status'
INSIGHTS = 'license_talentInsights_talentInsights_status'


def file(*lines):
    return ''.join(line + '\r\n' for line in lines)


class VendorTest(unittest.TestCase):
    def setUp(self):
        self.learning = Vendor('linkedin_learning')
        self.learning.add_license(LEARNING, 2, 'invited')
        self.insights = Vendor('talent_insights')
        self.insights.add_license(INSIGHTS, 1, 'invited')
        self.workleap = Vendor('workleap')
        self.workleap.add_license('active_students', 2, 'activated')

    def kinds(self, *lines, vendor=None, **arguments):
        return (vendor or self.learning).upload(file(*lines), **arguments).kinds()

    def test_documents_example(self):
        self.assertEqual([], self.kinds(
            'preferred_first_name,preferred_last_name,primary_email_address,work_title,%s,group/Engineering' % LEARNING,
            'John,Doe,john.doe@example.com,Engineer,active,1', 'Jane,Smith,jane.smith@example.com,Recruiter,active,0'))
        john = self.learning.find('JOHN.DOE@example.com')
        self.assertEqual(('invited', {'engineering'}), (john.licenses[LEARNING.lower()], john.groups))
        self.assertEqual([], self.kinds('primary_email_address,preferred_first_name,group:Engineering',
                                        'john.doe@example.com,Jonathan,no'))
        self.assertEqual(('Jonathan', set()), (john.texts['preferred_first_name'], john.groups))

    def test_headers(self):
        for header in ('Primary_Email_Address', 'primary_email_address,other', 'primary_email_address,group:A,group/a',
                       'work_title', 'primary_email_address,default_license_learning_proAllLanguages_status',
                       'primary_email_address,new_unique_user_id'):
            cells = ','.join('x' for _ in header.split(','))
            self.assertEqual(['header'], self.kinds(header, cells), header)

    def test_files(self):
        self.assertEqual(['malformed'], self.kinds('primary_email_address,work_title', 'a@example.com'))
        self.assertEqual(['malformed'], self.learning.upload('primary_email_address\na@example.com\n').kinds())
        self.assertEqual(['group_column'], self.kinds('primary_email_address,%s,group:A' % LEARNING,
                                                      'a@example.com,inactive,no'))
        self.assertEqual(['group'], self.kinds('primary_email_address,group: A', 'a@example.com,1', vendor=self.insights))
        self.assertEqual([], self.learning.people + self.insights.people)

    def test_cells(self):
        self.assertEqual(['empty_cell'], self.kinds('primary_email_address,work_title', 'a@example.com,'))
        self.assertEqual(['status'], self.kinds('primary_email_address,' + LEARNING, 'a@example.com,activated'))
        self.assertEqual(['group_value'], self.kinds('primary_email_address,group:A', 'a@example.com,maybe'))
        self.assertEqual(['permission_group'], self.kinds(
            'primary_email_address,group_permission_view_reports', 'a@example.com,group:A group:B'))

    def test_seats(self):
        self.kinds('primary_email_address,' + LEARNING, 'a@example.com,active', 'b@example.com,active')
        header = 'primary_email_address,' + LEARNING
        self.assertEqual(['cap'], self.kinds(header, 'c@example.com,active'))
        self.assertEqual([], self.kinds(header, 'a@example.com,inactive', 'c@example.com,active'))
        self.assertEqual('unassigned', self.learning.find('a@example.com').licenses[LEARNING.lower()])
        self.assertEqual([], self.learning.over_cap())

    def test_names(self):
        self.kinds('primary_email_address,unique_user_id', 'a@example.com,A1', 'b@example.com,B1', 'c@example.com,C1')
        header = 'primary_email_address,unique_user_id'
        self.assertEqual(['email_taken'], self.kinds(header, 'b@example.com,A1'))
        self.assertEqual([], self.kinds(header, 'b@example.com,A1', 'a@example.com,B1'), 'they may swap')
        self.assertEqual('A1', self.learning.find('b@example.com').id)
        self.assertEqual(['unknown_profile'], self.kinds(
            'existing_email_address,primary_email_address', 'nobody@example.com,d@example.com'))
        self.assertEqual(['id_taken'], self.kinds(header + ',new_unique_user_id', 'a@example.com,B1,C1'))

    def test_refused_rows(self):
        """Nothing of a row that is refused stays, and what others would have had of it they do not get."""
        header = 'primary_email_address,unique_user_id,new_unique_user_id,work_title,group:New,' + LEARNING
        self.kinds('primary_email_address,unique_user_id,' + LEARNING, 'a@example.com,A1,active',
                   'b@example.com,B1,active', 'c@example.com,C1,inactive', 'd@example.com,D1,inactive')
        before = self.learning.download()
        self.assertEqual(['cap'], self.kinds(header, 'other@example.com,C1,C2,Boss,yes,active'))
        self.assertEqual(before, self.learning.download())
        self.assertEqual(['cap'], self.kinds('primary_email_address,group:New,' + LEARNING, 'new@example.com,yes,active'))
        self.assertEqual(before, self.learning.download(), 'nobody is made')

        upload = self.learning.upload(file('primary_email_address,unique_user_id,%s,group_permission_view_reports,group:New'
                                           % LEARNING,
                                           'other@example.com,C1,active,no,yes',       # there is no seat for him,
                                           'c@example.com,D1,inactive,no,no',          # so his address is not free
                                           'a@example.com,A1,active,group:New,no',     # and there is no such group
                                           'b@example.com,B1,active,yes,no'))
        self.assertEqual({0: 'cap', 1: 'email_taken', 2: 'permission_group'},
                         {number: refusal.kind for number, _, refusal in upload.refused})
        self.assertEqual({}, self.learning.groups)
        self.assertEqual({'b@example.com': True}, {
            person.email: scope for person in self.learning.people for scope in person.permissions.values()})

    def test_people_found(self):
        header = 'primary_email_address,' + LEARNING
        self.kinds(header, 'a@example.com,inactive', 'b@example.com,inactive', 'c@example.com,active')
        upload = self.learning.upload(file(header, 'a@example.com,active', 'b@example.com,active'), is_of_new_people=True)
        self.assertEqual((['cap'], ['a@example.com']), (upload.kinds(), [person.email for person in upload.found]))

    def test_lists(self):
        """A list to do by hand is done as a whole, or not at all."""
        self.kinds('primary_email_address,' + LEARNING, 'a@example.com,active', 'b@example.com,active', 'c@example.com,inactive')
        before = self.learning.download()
        lines = [('a@example.com', 'work_title', None, 'Boss'), ('new@example.com', 'primary_email_address', '', 'new@example.com'),
                 ('c@example.com', LEARNING, 'inactive', 'active')]
        with self.assertRaises(Refused):
            self.learning.do_by_hand(lines, False)
        self.assertEqual(before, self.learning.download())
        self.assertEqual([], self.learning.do_by_hand(lines[:2], False))
        self.assertEqual('Boss', self.learning.find('a@example.com').texts['work_title'])
        self.assertIsNotNone(self.learning.find('new@example.com'))

    def test_duplicates(self):
        self.kinds('primary_email_address', 'john.doe@example.com')
        self.assertEqual(['duplicate'], self.kinds('primary_email_address', 'johndoe+1@example.com'))
        self.assertEqual([], self.kinds('primary_email_address,reupload_user_profile', 'johndoe+1@example.com,true'))

    def test_results(self):
        upload = self.learning.upload(file('primary_email_address,work_title', 'a@example.com,A', 'b@example.com,B',
                                           'c@example.com,C'), refuse=[0], stop_after=2)
        self.assertEqual(file('primary_email_address,work_title,Messages',
                              'a@example.com,A,"Internal error, please try again"',
                              'c@example.com,C,"Not processed, please try again"'), upload.results())
        self.assertEqual(['b@example.com'], [person.email for person in self.learning.people])

    def test_workleap(self):
        header = 'Name,Email,Country,Region'
        good = 'Ann Archer,ann@example.com,CA,CA-QC'
        for kind, row in (('empty_cell', ',x@example.com,CA,CA-QC'), ('location', 'X,x@example.com,Canada,CA-QC'),
                          ('formula', '=X,x@example.com,CA,CA-QC'), ('duplicate_row', good)):
            self.assertEqual([kind], self.kinds(header, good, row, vendor=self.workleap))
        self.assertEqual([], self.workleap.people, 'all or nothing')
        self.assertEqual([], self.kinds(header, good, 'Bob,bob@example.com,CA,CA-ON', vendor=self.workleap))
        self.assertEqual(['cap'], self.kinds(header, 'Cleo,cleo@example.com,CA,CA-ON', vendor=self.workleap))
        self.assertEqual([], self.kinds(header, 'Other Name,ann@example.com,FR,FR-75', vendor=self.workleap))
        self.assertEqual('Ann Archer', self.workleap.find('ann@example.com').texts['Name'], 'left as it is')


if __name__ == '__main__':
    unittest.main()
