//! Checking several fields so that all that is wrong is told together.

use moodify_core::model::{FieldError, Invalid};

use crate::problem::Problem;

/// One field's value, or what is wrong with it.
pub(crate) type Field<T> = Result<T, Vec<FieldError>>;

/// The field at this JSON pointer.
pub(crate) fn field<T>(pointer: &str, value: Result<T, Invalid>) -> Field<T> {
    value.map_err(|why| vec![why.at(pointer)])
}

/// The list at this JSON pointer, item by item.
pub(crate) fn each<T>(
    pointer: &str,
    items: &[String],
    read: impl Fn(&str) -> Result<T, Invalid>,
) -> Field<Vec<T>> {
    let mut errors = Vec::new();
    let mut values = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        match read(item) {
            Ok(value) => values.push(value),
            Err(why) => errors.push(why.at(format!("{pointer}/{index}"))),
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

/// The values of a tuple of [`Field`]s, or everything that is wrong with any of them.
pub(crate) fn check<F: Fields>(fields: F) -> Result<F::Values, Problem> {
    fields.check().map_err(Problem::invalid)
}

/// A tuple of [`Field`]s.
pub(crate) trait Fields {
    /// The tuple of their values.
    type Values;

    /// All values, or all errors.
    fn check(self) -> Result<Self::Values, Vec<FieldError>>;
}

macro_rules! tuples {
    ($(($($name:ident),+))*) => {$(
        impl<$($name),+> Fields for ($(Field<$name>,)+) {
            type Values = ($($name,)+);

            #[allow(non_snake_case, reason = "each value is named after its type parameter")]
            fn check(self) -> Result<Self::Values, Vec<FieldError>> {
                let ($($name,)+) = self;
                let mut errors = Vec::new();
                $(let $name = $name.map_err(|mut wrong| errors.append(&mut wrong)).ok();)+
                match ($($name,)+) {
                    ($(Some($name),)+) => Ok(($($name,)+)),
                    _ => Err(errors),
                }
            }
        }
    )*};
}

tuples! { (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) (A, B, C, D, E, F) }

#[cfg(test)]
mod tests {
    use moodify_core::model::{Email, PersonName, TrackId};

    use super::*;

    #[test]
    fn all_errors_come_together() {
        let problem = check((
            field("/email", Email::parse("no")),
            field("/first_name", PersonName::parse("Ada")),
            each("/track_ids", &["x".into()], str::parse::<TrackId>),
        ))
        .unwrap_err();
        let pointers: Vec<&str> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/email", "/track_ids/0"]);
    }
}
