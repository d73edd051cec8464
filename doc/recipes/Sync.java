// Sync.java ACCOUNT FILE DIRECTORY: imports a file and writes the files to upload.
//
// Needs PostgreSQL's JDBC driver (Debian: libpostgresql-jdbc-java) and Java 17.  The
// connection is that of the environment variable JDBC_URL.
//
//	java -cp /usr/share/java/postgresql.jar Sync.java acme users.csv out

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Objects;

public final class Sync {

    /** Hands a file to the vendor: put your delivery here. */
    static void upload(Path file) {
        System.out.println("upload " + file.getFileName());
    }

    /** The whole job; false if the file was refused. */
    static boolean sync(Connection connection, String account, Path file, Path directory) throws SQLException, IOException {
        long importId;
        long rejected;
        String state;

        try (var statement = connection.prepareStatement(
                "SELECT import_id, state, rows_read, rejected FROM orgsync.import_csv(?::regnamespace, ?, source => ?)")) {
            statement.setString(1, account);
            statement.setBytes(2, Files.readAllBytes(file));
            statement.setString(3, file.getFileName().toString());
            ResultSet row = statement.executeQuery();
            row.next();
            importId = row.getLong(1);
            state = row.getString(2);
            rejected = row.getLong(4);
            System.out.printf("import %d: %s, %d rows, %d rejected%n", importId, state, row.getLong(3), rejected);
        }

        // The name stands here as it is: import_csv has refused what is no schema's name.
        try (var statement = connection.prepareStatement("SELECT line, severity, code, message FROM " + account
                + ".import_findings WHERE import_id = ? ORDER BY line, finding_id")) {
            statement.setLong(1, importId);
            ResultSet row = statement.executeQuery();
            while (row.next()) {
                System.out.printf("line %d: %s %s: %s%n", row.getLong(1), row.getString(2), row.getString(3), row.getString(4));
            }
        }
        if (rejected > 0) {
            try (var statement = connection.prepareStatement("SELECT orgsync.results_csv(?::regnamespace, ?)")) {
                statement.setString(1, account);
                statement.setLong(2, importId);
                ResultSet row = statement.executeQuery();
                row.next();
                Files.writeString(directory.resolve("rejected.csv"), row.getString(1));
            }
        }
        if (!Objects.equals(state, "applied")) {
            return false;
        }

        long exportId = 0;
        try (var statement = connection.prepareStatement(
                "SELECT export_id, file_name, csv FROM orgsync.export_csv(?::regnamespace)")) {
            statement.setString(1, account);
            ResultSet row = statement.executeQuery();
            while (row.next()) {        // in the order in which to upload them
                exportId = row.getLong(1);
                upload(Files.writeString(directory.resolve(row.getString(2)), row.getString(3)));
            }
        }
        if (exportId != 0) {
            try (var statement = connection.prepareStatement("SELECT orgsync.confirm_export(?::regnamespace, ?)")) {
                statement.setString(1, account);
                statement.setLong(2, exportId);
                statement.execute();
            }
            System.out.printf("export %d: confirmed%n", exportId);
        }
        return true;
    }

    public static void main(String[] arguments) throws SQLException, IOException {
        if (arguments.length != 3) {
            System.err.println("usage: Sync.java ACCOUNT FILE DIRECTORY");
            System.exit(64);
        }
        boolean done;
        try (Connection connection = DriverManager.getConnection(System.getenv("JDBC_URL"))) {
            done = sync(connection, arguments[0], Path.of(arguments[1]), Path.of(arguments[2]));
        }
        System.exit(done ? 0 : 2);
    }
}
