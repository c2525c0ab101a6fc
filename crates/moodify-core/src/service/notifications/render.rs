//! Mails from templates.
//!
//! The markup is compiled from MJML once, before any value is filled in: what people call
//! themselves never reaches the MJML parser, and is escaped where it lands in HTML.

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context, value::Serde};
use mrml::prelude::render::RenderOptions;
use serde::Serialize;

use crate::Error;
use crate::config::Config;
use crate::model::MailKind;

struct Template {
    kind: MailKind,
    /// MJML, with Jinja expressions.
    markup: &'static str,
    /// Plain text, with Jinja expressions; its first line is the subject.
    text: &'static str,
}

const TEMPLATES: [Template; 1] = [Template {
    kind: MailKind::Welcome,
    markup: include_str!("templates/welcome.mjml"),
    text: include_str!("templates/welcome.txt"),
}];

/// A mail's texts.
pub(super) struct Rendered {
    pub(super) subject: String,
    pub(super) html: String,
    pub(super) text: String,
}

/// Fills templates in.
pub(super) struct Renderer {
    environment: Environment<'static>,
    product_name: String,
    public_url: String,
}

impl Renderer {
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|name| match name.ends_with(".html") {
            true => AutoEscape::Html,
            false => AutoEscape::None,
        });
        for Template { kind, markup, text } in TEMPLATES {
            environment.add_template_owned(html_name(kind), compile(markup)?).map_err(Error::internal)?;
            environment.add_template_owned(text_name(kind), text).map_err(Error::internal)?;
        }
        let product_name = config.mail.product_name.clone();
        Ok(Self { environment, product_name, public_url: config.public_url.to_string() })
    }

    pub(super) fn render(&self, kind: MailKind, data: &impl Serialize) -> Result<Rendered, Error> {
        let values = context! { product_name => self.product_name.as_str(), public_url => self.public_url.as_str(), mail => Value::from(Serde(data)) };
        let fill = |name: &str| self.environment.get_template(name)?.render(&values);
        let text = fill(&text_name(kind)).map_err(Error::internal)?;
        let html = fill(&html_name(kind)).map_err(Error::internal)?;
        let (subject, text) = text.split_once('\n').unwrap_or((&text, ""));
        Ok(Rendered { subject: subject.trim().to_owned(), text: text.trim_start().to_owned(), html })
    }
}

fn html_name(kind: MailKind) -> String {
    format!("{}.html", kind.as_str())
}

fn text_name(kind: MailKind) -> String {
    format!("{}.txt", kind.as_str())
}

fn compile(markup: &str) -> Result<String, Error> {
    let parsed = mrml::parse(markup).map_err(|error| Error::internal(error.to_string()))?;
    parsed.element.render(&RenderOptions::default()).map_err(|error| Error::internal(error.to_string()))
}
