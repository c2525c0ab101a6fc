//! Mails from templates.
//!
//! The markup is compiled from MJML once, before any value is filled in: what people call
//! themselves never reaches the MJML parser, and is escaped where it lands in HTML.

use std::fmt;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context, value::Serde};
use serde::Serialize;

use super::built_in;
use super::markup;
use super::samples;
use crate::config::{Config, TemplateForm, TemplateSource};
use crate::model::MailKind;

/// A mail's texts.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// On one line.
    pub subject: String,
    /// The part that mail programs show.
    pub html: String,
    /// The same as text.
    pub text: String,
}

/// Every template, checked: what [`Templates::load`] accepts can be filled in.
pub struct Templates {
    environment: Environment<'static>,
    product_name: String,
    public_url: String,
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TemplateFault {
    /// The file, or the name of a built-in template.
    pub origin: String,
    /// Counted from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong, in a few words.
    pub reason: String,
}

impl fmt::Display for TemplateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.origin, self.reason),
            None => write!(f, "{}: {}", self.origin, self.reason),
        }
    }
}

impl Templates {
    /// The built-in templates with the configured ones in their places, each tried with every sample
    /// of its kind.
    ///
    /// # Errors
    /// [`TemplateFault`] if one cannot be read, names a value that its mail does not have, or makes
    /// no subject.
    pub fn load(config: &Config) -> Result<Self, TemplateFault> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|name| match name.ends_with(".txt") {
            true => AutoEscape::None,
            false => AutoEscape::Html,
        });
        let mut templates = Self {
            environment,
            product_name: config.mail.product_name.clone(),
            public_url: config.public_url.to_string(),
        };
        for kind in MailKind::ALL {
            let (html, text) = sources(config, kind)?;
            templates.add(&html)?;
            templates.add(&text)?;
            for sample in samples::of(kind, &config.public_url, &config.mail.links) {
                templates.check(&sample.values, &html, &text)?;
            }
        }
        Ok(templates)
    }

    /// Fills the templates of this mail in.
    ///
    /// # Errors
    /// [`TemplateFault`] if a template asks for what only some mails of its kind have.
    pub(super) fn render(&self, kind: MailKind, data: &impl Serialize) -> Result<Rendered, TemplateFault> {
        let text = self.fill(&text_name(kind), data, "")?;
        let (subject, text) = text.split_once('\n').unwrap_or((&text, ""));
        // No value holds a control character; should one ever, a header is the wrong place for it.
        let subject: String = subject.trim().chars().filter(|c| !c.is_control()).collect();
        let html = self.fill(&html_name(kind), data, &subject)?;
        Ok(Rendered { subject, text: text.trim_start().to_owned(), html })
    }

    fn fill(&self, name: &str, data: &impl Serialize, subject: &str) -> Result<String, TemplateFault> {
        let values = self.values(data, subject);
        let filled = self.environment.get_template(name).and_then(|template| template.render(&values));
        filled.map_err(|error| fault(name, &error))
    }

    fn values(&self, data: &impl Serialize, subject: &str) -> Value {
        context! {
            product_name => self.product_name.as_str(),
            public_url => self.public_url.as_str(),
            subject => subject,
            mail => Value::from(Serde(data)),
        }
    }

    fn add(&mut self, source: &TemplateSource) -> Result<(), TemplateFault> {
        let (name, text) = match source.form {
            TemplateForm::Mjml => {
                // As it is written, so that a mistake in an expression is told with its line.
                self.parse(source)?;
                (html_name(source.kind), markup::compile(&source.origin, &source.text)?)
            }
            TemplateForm::Html => (html_name(source.kind), source.text.clone()),
            TemplateForm::Text => (text_name(source.kind), source.text.clone()),
        };
        let added = self.environment.add_template_owned(name, text);
        added.map_err(|error| fault(&source.origin, &error))
    }

    fn parse(&self, source: &TemplateSource) -> Result<(), TemplateFault> {
        let parsed = self.environment.template_from_named_str(&source.origin, &source.text);
        parsed.map(drop).map_err(|error| fault(&source.origin, &error))
    }

    /// Tries the templates as they are written: lines are those of the files.
    fn check(
        &self,
        values: &serde_json::Value,
        html: &TemplateSource,
        text: &TemplateSource,
    ) -> Result<(), TemplateFault> {
        for source in [text, html] {
            let template = self.environment.template_from_named_str(&source.origin, &source.text);
            let filled = template.and_then(|template| template.render(self.values(values, "Subject")));
            filled.map_err(|error| fault(&source.origin, &error))?;
        }
        let rendered = self.render(text.kind, values)?;
        let missing = |what: &str, source: &TemplateSource| TemplateFault {
            origin: source.origin.clone(),
            line: Some(1),
            reason: format!("it makes a mail without a {what}"),
        };
        if rendered.subject.is_empty() {
            return Err(missing("subject, which is the first line", text));
        }
        if rendered.text.trim().is_empty() {
            return Err(missing("text", text));
        }
        Ok(())
    }
}

/// What this mail is made of: HTML and text.
fn sources(config: &Config, kind: MailKind) -> Result<(TemplateSource, TemplateSource), TemplateFault> {
    let (mut html, mut text) = built_in::sources(kind);
    let mut replaced = None;
    for source in config.mail.templates.iter().filter(|source| source.kind == kind) {
        if source.form == TemplateForm::Text {
            text = source.clone();
            continue;
        }
        if let Some(other) = replaced.replace(&source.origin) {
            let reason = format!("there is {other} too: remove one of them");
            return Err(TemplateFault { origin: source.origin.clone(), line: None, reason });
        }
        html = source.clone();
    }
    Ok((html, text))
}

fn html_name(kind: MailKind) -> String {
    format!("{}.html", kind.as_str())
}

fn text_name(kind: MailKind) -> String {
    format!("{}.txt", kind.as_str())
}

fn fault(origin: &str, error: &minijinja::Error) -> TemplateFault {
    let reason = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    TemplateFault { origin: origin.to_owned(), line: error.line(), reason }
}
