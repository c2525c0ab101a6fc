//! The folder with templates that replace the built-in ones (`mail.templates`).

use std::{fs, path::Path};

use moodify_core::{
    Config,
    config::{TemplateForm, TemplateSource},
    model::MailKind,
    service::notifications::{TemplateFault, Templates},
};

use crate::failure::Failure;

/// These settings with the templates of the folder in them, all of them checked.
///
/// # Errors
/// If the folder cannot be read or a template is broken, with its file and line.
pub(crate) fn load(folder: Option<&Path>, mut config: Config) -> Result<Config, Failure> {
    if let Some(folder) = folder {
        config.mail.templates = read(folder)?;
    }
    check(&config)?;
    Ok(config)
}

/// The templates of these settings, checked.
///
/// # Errors
/// As for [`load`].
pub(crate) fn check(config: &Config) -> Result<Templates, Failure> {
    Templates::load(config).map_err(|fault: TemplateFault| {
        Failure::new(fault.to_string(), "correct that file, or remove it to get the built-in template")
    })
}

fn read(folder: &Path) -> Result<Vec<TemplateSource>, Failure> {
    let failed = |error| {
        Failure::new(
            format!("the templates in {} cannot be read: {error}", folder.display()),
            "let mail.templates name a folder that this user may read",
        )
    };
    let mut templates = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden || path.is_dir() {
            continue;
        }
        let Some((kind, form)) = meaning(&path) else {
            tracing::warn!(file = %path.display(), "no mail has a template of this name: it is not used");
            continue;
        };
        let text = fs::read_to_string(&path).map_err(|error| {
            Failure::new(format!("{}: {error}", path.display()), "make it a text file in UTF-8")
        })?;
        templates.push(TemplateSource { kind, form, origin: path.display().to_string(), text });
    }
    // The order of a folder is anybody's; messages should not be.
    templates.sort_by(|a, b| a.origin.cmp(&b.origin));
    Ok(templates)
}

/// What a file is for, by its name.
fn meaning(path: &Path) -> Option<(MailKind, TemplateForm)> {
    let kind = MailKind::from_name(path.file_stem()?.to_str()?)?;
    let form = match path.extension()?.to_str()? {
        "mjml" => TemplateForm::Mjml,
        "html" => TemplateForm::Html,
        "txt" => TemplateForm::Text,
        _ => return None,
    };
    Some((kind, form))
}
