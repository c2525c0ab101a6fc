//! What the doctor found, as a table.

use std::fmt;

use crate::failure::Failure;

/// What was found of a part that does not fail.
pub(super) enum Finding {
    /// It works; what was tried.
    Works(String),
    /// It works, but somebody should look at it.
    Doubtful(Failure),
    /// It was not tried, and why.
    Untried(String),
}

/// Every part in the order of trying.
#[derive(Default)]
pub(super) struct Report {
    rows: Vec<(&'static str, Result<Finding, Failure>)>,
}

impl Report {
    pub(super) fn add(&mut self, part: &'static str, found: Result<Finding, Failure>) {
        self.rows.push((part, found));
    }

    pub(super) fn failures(&self) -> usize {
        self.rows.iter().filter(|(_, found)| found.is_err()).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (part, found) in &self.rows {
            let (state, what, fix) = match found {
                Ok(Finding::Works(what)) => ("ok", what.as_str(), None),
                Ok(Finding::Doubtful(failure)) => ("look", failure.what(), Some(failure.fix())),
                Ok(Finding::Untried(why)) => ("-", why.as_str(), None),
                Err(failure) => ("FAIL", failure.what(), Some(failure.fix())),
            };
            writeln!(f, "{part:<11} {state:<5} {what}")?;
            if let Some(fix) = fix {
                writeln!(f, "{:<11} {:<5} -> {fix}", "", "")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_a_row_and_every_fault_its_remedy() {
        let mut report = Report::default();
        report.add("data", Ok(Finding::Works("data is writable".to_owned())));
        report.add("mailer", Err(Failure::new("it refuses", "change the password")));
        report.add("public_url", Ok(Finding::Doubtful(Failure::new("it is not set", "set it"))));
        report.add("queue", Ok(Finding::Untried("it needs the database".to_owned())));
        let expected = "\
data        ok    data is writable
mailer      FAIL  it refuses
                  -> change the password
public_url  look  it is not set
                  -> set it
queue       -     it needs the database
";
        assert_eq!((report.to_string().as_str(), report.failures()), (expected, 1));
    }
}
