//! Dead letters, for a terminal.

use moodify_core::port::DeadLetter;

/// So much of a reason is read at a glance; `--json` has all of it.
const REASON: usize = 100;

/// One row a letter, under a heading; a sentence if there is none.
pub(super) fn table(letters: &[DeadLetter]) -> String {
    if letters.is_empty() {
        return "There is no dead letter.\n".to_owned();
    }
    let heading = ["DIED", "CONSUMER", "EVENT", "KIND", "ATTEMPTS", "REASON"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(heading).chain(letters.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(widths) {
            text.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(&row[5]);
        text.push('\n');
    }
    text
}

fn row(letter: &DeadLetter) -> [String; 6] {
    [
        letter.died_at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        letter.id.consumer.clone(),
        letter.id.event.to_string(),
        letter.event.payload.kind().as_str().to_owned(),
        letter.id.attempt.to_string(),
        plain(&letter.reason),
    ]
}

/// On one line, of a length that fits, and without anything that a terminal would obey: reasons are
/// other servers' words.
fn plain(reason: &str) -> String {
    let words: Vec<&str> = reason.split_whitespace().collect();
    let mut plain: String = words.join(" ").chars().filter(|c| !c.is_control()).collect();
    if let Some((end, _)) = plain.char_indices().nth(REASON) {
        plain.truncate(end);
        plain.push('…');
    }
    plain
}

#[cfg(test)]
mod tests {
    use moodify_core::{
        model::{Event, EventPayload, Timestamp, event::SessionRevoked},
        port::DeliveryId,
    };

    use super::*;

    fn letter(reason: &str, attempt: u32) -> DeadLetter {
        let id: moodify_core::model::EventId = "019aab3d-0006-7c4e-8f11-2b7d90a1c301".parse().unwrap();
        let account = id.as_uuid();
        let payload = EventPayload::SessionRevoked(SessionRevoked {
            account_id: account.into(),
            session_id: account.into(),
        });
        DeadLetter {
            id: DeliveryId { consumer: "sync".to_owned(), event: id, attempt },
            event: Event::new(id, Timestamp::UNIX_EPOCH, None, payload),
            reason: reason.to_owned(),
            died_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn columns_stand_below_each_other() {
        assert_eq!(table(&[]), "There is no dead letter.\n");
        let shown = table(&[letter("550 no", 7), letter("no answer\r\n in time", 12)]);
        let expected = "\
DIED                 CONSUMER  EVENT                                 KIND             ATTEMPTS  REASON
1970-01-01 00:00:00  sync      019aab3d-0006-7c4e-8f11-2b7d90a1c301  session_revoked  7         550 no
1970-01-01 00:00:00  sync      019aab3d-0006-7c4e-8f11-2b7d90a1c301  session_revoked  12        no answer in time
";
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_reason_is_plain_and_of_bounded_length() {
        assert_eq!(plain("\u{1b}[31mred\u{7}"), "[31mred");
        assert_eq!(plain(&"é".repeat(101)), format!("{}…", "é".repeat(100)));
    }
}
