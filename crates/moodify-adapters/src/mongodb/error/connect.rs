use mongodb::error::ErrorKind;
use moodify_core::port::BoxError;

use super::Fault;

/// Why a database could not be opened: what is wrong, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MongoConnectError {
    /// The URL cannot be understood.
    #[error(
        "the URL of the database {problem}; write it as \
         mongodb://user:password@host:27017/database?replicaSet=name, or as Atlas shows it"
    )]
    Url {
        /// What is wrong with it, without repeating any of it.
        problem: &'static str,
    },
    /// No server that takes writes answers.
    #[error(
        "cannot reach the database {database}: {source}; check that the server runs, that its replica set has a \
         primary, and that this machine may connect to it"
    )]
    Unreachable {
        /// The database, without user and password.
        database: String,
        /// What the driver said.
        source: BoxError,
    },
    /// The server has no transactions.
    #[error(
        "the database {database} has no transactions: its server is not part of a replica set; start mongod with \
         --replSet and run rs.initiate() once (a set of one is enough), or use a deployment such as Atlas"
    )]
    NoTransactions {
        /// The database, without user and password.
        database: String,
    },
    /// The log-in is refused.
    #[error(
        "the database {database} refuses the log-in: {source}; check the user, the password and authSource in \
         its URL"
    )]
    LogIn {
        /// The database, without user and password.
        database: String,
        /// What the server said.
        source: BoxError,
    },
    /// This user may not do in the database what must be done.
    #[error(
        "not allowed in the database {database}: {source}; give the user the role readWrite on it, or dbAdmin \
         beside it to bring it up to date"
    )]
    Forbidden {
        /// The database, without user and password.
        database: String,
        /// What the server said.
        source: BoxError,
    },
    /// The connection cannot be encrypted as the URL asks for.
    #[error(
        "cannot speak with the database {database} in private: {source}; check tls and tlsCAFile in its URL"
    )]
    Encryption {
        /// The database, without user and password.
        database: String,
        /// What the driver said.
        source: BoxError,
    },
    /// A newer Moodify has used this database.
    #[error(
        "the database {database} was used by a newer version of Moodify (its schema is at {found}, this version \
         knows up to {known}); start that version or a newer one"
    )]
    TooNew {
        /// The database, without user and password.
        database: String,
        /// The version of its schema.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// An older Moodify has used this database, and may be using it now.
    #[error(
        "the database {database} is of an older version of Moodify (its schema is at {found}, this version's \
         at {known}); end the servers of that version and run `moodify migrate`, or use the older program"
    )]
    TooOld {
        /// The database, without user and password.
        database: String,
        /// The version of its schema.
        found: i64,
        /// That of this program.
        known: i64,
    },
    /// It is no other program's.
    #[error(
        "the database {database} is one of Moodify's own; name the database of the deployment that is to be \
         imported"
    )]
    NotForeign {
        /// The database, without user and password.
        database: String,
    },
    /// Anything else.
    #[error("cannot open the database {database}: {source}")]
    Other {
        /// The database, without user and password.
        database: String,
        /// What the driver said.
        source: BoxError,
    },
}

/// What servers say to a user who may not do something, and to one whom they do not know.
const UNAUTHORIZED: i32 = 13;
const AUTHENTICATION_FAILED: i32 = 18;

impl MongoConnectError {
    pub(in crate::mongodb) fn reaching(database: &str, fault: Fault) -> Self {
        let database = database.to_owned();
        let code = fault.code();
        let Fault::Driver(error) = fault else {
            return Self::Unreachable { database, source: fault.into() };
        };
        let refused = matches!(*error.kind, ErrorKind::Authentication { .. });
        let lost = matches!(
            *error.kind,
            ErrorKind::Io(_)
                | ErrorKind::ServerSelection { .. }
                | ErrorKind::ConnectionPoolCleared { .. }
                | ErrorKind::DnsResolve { .. }
        );
        let tls = matches!(*error.kind, ErrorKind::InvalidTlsConfig { .. });
        let source = error.into();
        match code {
            Some(AUTHENTICATION_FAILED) => Self::LogIn { database, source },
            Some(UNAUTHORIZED) => Self::Forbidden { database, source },
            _ if refused => Self::LogIn { database, source },
            _ if tls => Self::Encryption { database, source },
            _ if lost => Self::Unreachable { database, source },
            _ => Self::Other { database, source },
        }
    }
}
