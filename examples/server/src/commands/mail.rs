//! `moodify mail`: what mails look like, before anybody gets one.

use std::{fs, io, path::Path};

use moodify_adapters::mail_files;
use moodify_core::{
    Config,
    model::{Mail, MailKind},
    service::notifications::{built_in_templates, sample_mails, value_names},
};

use crate::{
    assemble,
    config::Settings,
    failure::{Failure, one_line},
    logging, templates,
};

/// Prints every mail with its subject and the values that its templates may use.
///
/// # Errors
/// If a template is broken.
pub(crate) fn list(settings: &Settings) -> Result<(), Failure> {
    let config = config(settings)?;
    let templates = templates::check(&config)?;
    for kind in MailKind::ALL {
        let samples = samples(sample_mails(&templates, kind, &config))?;
        let subject = samples.first().map_or("", |(_, mail)| mail.subject.as_str());
        println!("{:<17} {subject}", kind.as_str());
        println!("{:<17} mail.{}", "", value_names(kind, &config).join(", mail."));
    }
    println!("{:<17} product_name, public_url, subject", "every mail");
    Ok(())
}

/// Writes these mails, filled with sample values, as HTML, text and `.eml` files.
///
/// # Errors
/// If a template is broken or the folder cannot be written.
pub(crate) fn preview(settings: &Settings, kinds: &[MailKind], folder: &Path) -> Result<(), Failure> {
    let config = config(settings)?;
    let templates = templates::check(&config)?;
    let now = assemble::context().now();
    for kind in kinds {
        for (name, mail) in samples(sample_mails(&templates, *kind, &config))? {
            let eml = mail_files::eml(&mail, now).map_err(|error| {
                Failure::new(format!("{name} makes no mail: {}", one_line(&error)), "correct its template")
            })?;
            let text = format!("Subject: {}\n\n{}", mail.subject, mail.text);
            write(folder, &format!("{name}.html"), mail.html.as_bytes())?;
            write(folder, &format!("{name}.txt"), text.as_bytes())?;
            write(folder, &format!("{name}.eml"), &eml)?;
        }
    }
    Ok(())
}

/// Writes the built-in templates of these mails, for somebody who wants to change them.
///
/// # Errors
/// If the folder cannot be written, or one of the files is there.
pub(crate) fn export(kinds: &[MailKind], folder: &Path) -> Result<(), Failure> {
    for kind in kinds {
        let (html, text) = built_in_templates(*kind);
        for (source, extension) in [(html, "mjml"), (text, "txt")] {
            let name = format!("{}.{extension}", kind.as_str());
            if folder.join(&name).exists() {
                return Err(Failure::new(
                    format!("{} exists and is not overwritten", folder.join(&name).display()),
                    "name another folder with --out",
                ));
            }
            write(folder, &name, source.text.as_bytes())?;
        }
    }
    Ok(())
}

fn config(settings: &Settings) -> Result<Config, Failure> {
    logging::start(&settings.log)?;
    let config = settings.core(settings.public_url(settings.listen)?);
    templates::load(settings.mail.templates.as_deref(), config)
}

fn samples(mails: Result<Vec<(String, Mail)>, moodify_core::Error>) -> Result<Vec<(String, Mail)>, Failure> {
    mails.map_err(|error| Failure::new(one_line(&error), "correct the template or setting that is named"))
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let path = folder.join(name);
    let failed = |error: io::Error| {
        Failure::new(
            format!("{} cannot be written: {error}", path.display()),
            "name another folder with --out",
        )
    };
    fs::create_dir_all(folder).map_err(failed)?;
    fs::write(&path, bytes).map_err(failed)?;
    println!("{}", path.display());
    Ok(())
}
