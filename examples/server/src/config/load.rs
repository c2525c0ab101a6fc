//! Reads the settings and says exactly where a mistake stands.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    providers::{Format, Serialized, Toml},
    util,
    value::Value,
};
use serde::de::DeserializeOwned;

use super::Settings;
use crate::failure::Failure;

const PREFIX: &str = "MOODIFY_";

/// Read when it is there and no other file is named.
const DEFAULT_FILE: &str = "moodify.toml";

const SECTIONS: [&str; 17] = [
    "accounts",
    "catalog",
    "databases",
    "mail",
    "smtp",
    "gmail",
    "google",
    "playback",
    "limits",
    "postgres",
    "mongodb",
    "rabbitmq",
    "redis",
    "http",
    "log",
    "metrics",
    "telemetry",
];

/// One setting that does not come from the file.
#[derive(Clone)]
pub(crate) struct Source {
    /// What a person calls it: `--listen`, `MOODIFY_LISTEN`.
    pub(crate) name: String,
    /// The key, with its section: `log.format`.
    pub(crate) key: String,
    /// As it was written.
    pub(crate) text: String,
}

/// The settings of this process: these flags over its environment over the file.
///
/// # Errors
/// Names the file and line, the variable or the flag that is wrong.
pub(crate) fn load(file: Option<PathBuf>, flags: &[Source]) -> Result<Settings, Failure> {
    let (variables, named_by_variable) = environment(env::vars_os())?;
    let sources = [variables.as_slice(), flags].concat();
    let file = match file.or(named_by_variable) {
        Some(path) => Some((read(&path)?, path)),
        None => match fs::read_to_string(DEFAULT_FILE) {
            Ok(text) => Some((text, PathBuf::from(DEFAULT_FILE))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unreadable(Path::new(DEFAULT_FILE), &error)),
        },
    };
    merge(file.as_ref().map(|(text, path)| (text.as_str(), path.as_path())), &sources)
}

/// The variables that are ours, and the file that one of them may name.
fn environment(
    variables: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
) -> Result<(Vec<Source>, Option<PathBuf>), Failure> {
    let (mut sources, mut file) = (Vec::new(), None);
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        // Those say where the tests find servers.
        if name.starts_with("MOODIFY_TEST_") {
            continue;
        }
        if name == "MOODIFY_CONFIG" {
            file = Some(PathBuf::from(value));
            continue;
        }
        let text = value.into_string().map_err(|_| {
            Failure::new(format!("{name} is not valid UTF-8"), format!("correct or unset {name}"))
        })?;
        sources.push(Source { name: name.to_owned(), key: key_of(name), text });
    }
    Ok((sources, file))
}

/// `MOODIFY_LOG_FORMAT` is `log.format`, `MOODIFY_PUBLIC_URL` is `public_url`.
fn key_of(variable: &str) -> String {
    let name = variable.trim_start_matches(PREFIX).to_ascii_lowercase();
    let within = SECTIONS.iter().find_map(|section| {
        let key = name.strip_prefix(section)?.strip_prefix('_')?;
        Some(format!("{section}.{key}"))
    });
    within.unwrap_or(name)
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        format!("the configuration file {} cannot be read: {error}", path.display()),
        "name a readable file with --config, or leave it out for the defaults",
    )
}

fn merge(file: Option<(&str, &Path)>, sources: &[Source]) -> Result<Settings, Failure> {
    let mut figment = Figment::new();
    if let Some((text, path)) = file {
        check_file(text, path)?;
        figment = figment.merge(Toml::string(text));
    }
    for source in sources {
        figment = figment.merge(Serialized::defaults(value_of(source)?));
    }
    figment.extract().map_err(|error| {
        // Every part was accepted alone: what is left can only be a contradiction between them.
        Failure::new(format!("the settings do not fit together: {error}"), "correct the named setting")
    })
}

/// Reads the file alone. The line comes from the parser, but not its excerpt: the line may hold a
/// password.
fn check_file(text: &str, path: &Path) -> Result<(), Failure> {
    let Err(error) = toml::from_str::<Settings>(text) else { return Ok(()) };
    let line =
        error.span().map_or(1, |span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
    let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
    Err(Failure::new(
        format!("{}, line {line}: {}", path.display(), without_text(&message)),
        "correct that line, or remove it to get the default",
    ))
}

/// The value of a setting: a number or a truth value where one fits, text otherwise.
fn value_of(source: &Source) -> Result<Value, Failure> {
    let guessed = util::nest(&source.key, guess(&source.text));
    let Err(error) = accepted::<Settings>(&guessed) else { return Ok(guessed) };
    let text = util::nest(&source.key, Value::from(source.text.as_str()));
    if accepted::<Settings>(&text).is_ok() {
        return Ok(text);
    }
    Err(Failure::new(
        format!("{}: {}", source.name, without_text(&error.kind.to_string())),
        format!("correct {0}, or leave {0} out to get the default", source.name),
    ))
}

/// A message without the text that was found where something else, or a URL, should be: it may be a secret.
fn without_text(message: &str) -> String {
    // As the reader of URLs tells it: what is wrong, then the text.
    if let (Some((wrong, _)), true) = (message.split_once(": \""), message.ends_with('"')) {
        return wrong.to_owned();
    }
    let parts = message.split_once("string \"");
    match parts.and_then(|(before, rest)| Some((before, rest.rsplit_once("\", expected ")?.1))) {
        Some((before, expected)) => format!("{before}a text, expected {expected}"),
        None => message.to_owned(),
    }
}

fn guess(text: &str) -> Value {
    let truth = text.parse::<bool>().map(Value::from).ok();
    truth.or_else(|| text.parse::<u64>().map(Value::from).ok()).unwrap_or_else(|| Value::from(text))
}

#[expect(clippy::result_large_err, reason = "the size of a foreign error, once, at start")]
fn accepted<T: DeserializeOwned>(value: &Value) -> Result<T, figment::Error> {
    Figment::from(Serialized::defaults(value)).extract()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, ffi::OsString, path::Path};

    use super::*;

    fn source(name: &str, key: &str, text: &str) -> Source {
        Source { name: name.to_owned(), key: key.to_owned(), text: text.to_owned() }
    }

    fn variable(name: &str, text: &str) -> Source {
        source(name, &key_of(name), text)
    }

    fn refused(file: Option<&str>, sources: &[Source]) -> Failure {
        merge(file.map(|text| (text, Path::new("moodify.toml"))), sources).unwrap_err()
    }

    #[test]
    fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
        let file = "listen = \"127.0.0.1:1\"\ndata = \"from-file\"\n[log]\nfilter = \"warn\"\n";
        let file = Some((file, Path::new("moodify.toml")));
        let variable = variable("MOODIFY_LISTEN", "127.0.0.1:2");
        let flag = source("--listen", "listen", "127.0.0.1:3");

        assert_eq!(merge(None, &[]).unwrap().listen.port(), 8080);
        assert_eq!(merge(file, &[]).unwrap().listen.port(), 1);
        assert_eq!(merge(file, std::slice::from_ref(&variable)).unwrap().listen.port(), 2);
        let settings = merge(file, &[variable, flag]).unwrap();
        assert_eq!(settings.listen.port(), 3);
        assert_eq!((settings.data.as_path(), settings.log.filter.as_str()), (Path::new("from-file"), "warn"));
    }

    #[test]
    fn variables_reach_into_sections() {
        let sources = [
            variable("MOODIFY_ACCOUNTS_MIN_PASSWORD_LENGTH", "15"),
            variable("MOODIFY_MAIL_PRODUCT_NAME", "1984"),
            variable("MOODIFY_PUBLIC_URL", "https://music.example.org"),
        ];
        let settings = merge(None, &sources).unwrap();
        let config = settings.core(settings.public_url("127.0.0.1:1".parse().unwrap()).unwrap());
        assert_eq!(config.accounts.min_password_length, 15);
        assert_eq!(config.mail.product_name, "1984");
        assert_eq!(config.public_url.as_str(), "https://music.example.org/");
    }

    #[test]
    fn a_mistake_in_the_file_is_told_with_its_line() {
        for (file, expected) in [
            ("data = \"x\"\nlistne = \"127.0.0.1:1\"\n", "moodify.toml, line 2: unknown field `listne`"),
            ("\n\n[accounts]\nmin_password = 9\n", "moodify.toml, line 4: unknown field `min_password`"),
            ("[accounts]\nmin_password_length = 7\n", "line 2: a number from 8 to 1024 is expected"),
            ("[catalog]\nmax_audio_bytes = \"many\"\n", "line 2: invalid type"),
            ("listen = \"127.0.0.1:1\"\ndata = = 3\n", "moodify.toml, line 2:"),
            ("listen = \"nowhere\"\n", "line 1: invalid socket address syntax"),
            ("[log]\nformat = \"xml\"\n", "line 2: unknown variant `xml`"),
        ] {
            let failure = refused(Some(file), &[]);
            assert!(failure.what().contains(expected), "{}", failure.what());
            assert!(!failure.what().contains('\n'), "{}", failure.what());
        }
    }

    #[test]
    fn a_mistake_in_a_variable_or_flag_is_told_with_its_name() {
        for (wrong, expected) in [
            (variable("MOODIFY_DATABSE", "sqlite://x"), "MOODIFY_DATABSE: unknown field: found `databse`"),
            (variable("MOODIFY_LOG_COLOUR", "red"), "MOODIFY_LOG_COLOUR: unknown field: found `colour`"),
            (
                variable("MOODIFY_CATALOG_MEDIA_URL_TTL_SECS", "0"),
                "MOODIFY_CATALOG_MEDIA_URL_TTL_SECS: invalid",
            ),
            (source("--public-url", "public_url", "music"), "--public-url: "),
        ] {
            let failure = refused(None, &[wrong]);
            assert!(failure.what().starts_with(expected), "{}", failure.what());
        }
    }

    #[test]
    fn a_secret_in_a_wrong_place_is_not_repeated() {
        for failure in [
            refused(Some("mailer = \"hunter2\"\n"), &[]),
            refused(Some("mailer = \"smtp://ada:hunter2@host\n"), &[]),
            refused(None, &[variable("MOODIFY_MAILER", "hunter2")]),
            refused(Some("[gmail]\ntoken_url = \"hunter2\"\n"), &[]),
            refused(Some("[smtp]\ntimeout_secs = \"hunter2\"\n"), &[]),
            refused(None, &[variable("MOODIFY_GMAIL_TOKEN_URL", "hunter2")]),
            refused(None, &[variable("MOODIFY_SMTP_TIMEOUT_SECS", "hunter2")]),
        ] {
            assert!(!failure.to_string().contains("hunter2"), "{failure}");
        }
    }

    #[test]
    fn only_our_variables_are_read() {
        let variables = [("PATH", "/bin"), ("MOODIFY_DATA", "d"), ("MOODIFY_CONFIG", "other.toml")]
            .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let (sources, file) = environment(variables.into_iter()).unwrap();
        assert_eq!(sources.iter().map(|source| source.key.as_str()).collect::<Vec<_>>(), ["data"]);
        assert_eq!(file.as_deref(), Some(Path::new("other.toml")));
    }

    #[test]
    fn the_page_of_settings_names_all_of_them_and_no_other() {
        let page = include_str!("../../../../docs/settings.md");
        let (_, rest) = page.split_once("```toml\n").unwrap();
        let (file, _) = rest.split_once("```").unwrap();
        merge(Some((file, Path::new("docs/settings.md"))), &[]).unwrap();

        let written: toml::Table = file.parse().unwrap();
        assert_eq!(written.keys().cloned().collect::<BTreeSet<_>>(), names(""), "outside of sections");
        for section in SECTIONS {
            let keys = written[section].as_table().unwrap().keys().cloned().collect::<BTreeSet<_>>();
            assert_eq!(keys, names(&format!("[{section}]")), "in [{section}]");
        }
    }

    /// What is accepted under this heading, as the refusal of an unknown name lists it.
    fn names(heading: &str) -> BTreeSet<String> {
        let refused = refused(Some(&format!("{heading}\nunknown = 1\n")), &[]);
        let (_, list) = refused.what().split_once("expected ").unwrap();
        list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }
}
