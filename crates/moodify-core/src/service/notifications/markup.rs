//! From MJML to HTML.

use mrml::prelude::parser::Error;
use mrml::prelude::render::RenderOptions;

use super::TemplateFault;

/// Compiles a document, expressions and all: they are text to MJML.
pub(super) fn compile(origin: &str, source: &str) -> Result<String, TemplateFault> {
    let fault = |line, reason: String| TemplateFault { origin: origin.to_owned(), line, reason };
    let parsed = mrml::parse(source).map_err(|error| fault(line(&error, source), reason(&error)))?;
    // What the compiler only warns of would be a hole in the mail.
    if let Some(warning) = parsed.warnings.first() {
        return Err(fault(line_of(source, warning.span.start), warning.kind.to_string()));
    }
    let html = parsed.element.render(&RenderOptions::default());
    let html = html.map_err(|error| fault(None, error.to_string()))?;
    // Elements that it does not know it passes on.
    if let Some((_, rest)) = html.split_once("<mj-") {
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let written = source.find(&format!("<mj-{name}"));
        let reason = format!("there is no element `mj-{name}` that may stand here");
        return Err(fault(written.and_then(|offset| line_of(source, offset)), reason));
    }
    Ok(html)
}

fn line_of(source: &str, offset: usize) -> Option<usize> {
    Some(source.get(..offset)?.matches('\n').count() + 1)
}

fn line(error: &Error, source: &str) -> Option<usize> {
    let offset = match error {
        Error::UnexpectedElement { position, .. }
        | Error::UnexpectedToken { position, .. }
        | Error::MissingAttribute { position, .. }
        | Error::InvalidAttribute { position, .. }
        | Error::InvalidFormat { position, .. }
        | Error::IncludeLoaderError { position, .. } => position.start,
        Error::ParserError { source, .. } => return usize::try_from(source.pos().row).ok(),
        Error::EndOfStream { .. } => source.len(),
        _ => return None,
    };
    line_of(source, offset)
}

fn reason(error: &Error) -> String {
    match error {
        Error::UnexpectedElement { .. } => "this element does not belong here".to_owned(),
        Error::UnexpectedToken { .. } => "this does not belong here".to_owned(),
        Error::MissingAttribute { name, .. } => format!("the attribute `{name}` is missing"),
        Error::InvalidAttribute { .. } => "this attribute does not belong here".to_owned(),
        Error::InvalidFormat { .. } => "the format is wrong".to_owned(),
        Error::EndOfStream { .. } => "an element is not closed".to_owned(),
        Error::ParserError { source, .. } => source.to_string(),
        Error::NoRootNode => "there is no element `mjml`".to_owned(),
        Error::IncludeLoaderError { .. } => "`mj-include` is not supported".to_owned(),
        other => other.to_string(),
    }
}
