//! Where in a distributed trace something happened, as W3C Trace Context (level 1) writes it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A place in a trace: what `traceparent` says. It identifies work, never people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    sampled: bool,
}

impl TraceContext {
    /// This span of this trace; `None` if one of the ids is zero, which stands for no id at all.
    pub fn new(trace_id: u128, span_id: u64, sampled: bool) -> Option<Self> {
        (trace_id != 0 && span_id != 0).then_some(Self { trace_id, span_id, sampled })
    }

    /// Which trace.
    pub fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// Which span of it.
    pub fn span_id(&self) -> u64 {
        self.span_id
    }

    /// Whether somebody records it.
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

/// A text that is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no traceparent")]
pub struct InvalidTraceContext;

impl FromStr for TraceContext {
    type Err = InvalidTraceContext;

    /// Reads versions to come too, as far as this one goes (W3C Trace Context, 4.3).
    fn from_str(text: &str) -> Result<Self, InvalidTraceContext> {
        /// Of version 00.
        const LEN: usize = 55;
        // Bytes and characters are the same from here on: its fields are cut out by position.
        let known = text.get(..LEN).filter(|known| known.is_ascii()).ok_or(InvalidTraceContext)?;
        let version = &known[..2];
        let ends_here = match text.as_bytes().get(LEN) {
            None => true,
            Some(b'-') => version != "00",
            Some(_) => false,
        };
        let [version, trace_id, span_id, flags] = parts(known).ok_or(InvalidTraceContext)?;
        if version == 0xff || !ends_here {
            return Err(InvalidTraceContext);
        }
        let span_id = u64::try_from(span_id).map_err(|_| InvalidTraceContext)?;
        Self::new(trace_id, span_id, flags & 1 == 1).ok_or(InvalidTraceContext)
    }
}

/// The four numbers between the dashes, in lower-case hexadecimal of fixed lengths.
fn parts(text: &str) -> Option<[u128; 4]> {
    let mut numbers = [0; 4];
    let mut words = text.split('-');
    for (number, len) in numbers.iter_mut().zip([2, 32, 16, 2]) {
        let word = words.next().filter(|word| word.len() == len)?;
        let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        *number = word.bytes().all(lower_hex).then(|| u128::from_str_radix(word, 16).ok())??;
    }
    words.next().is_none().then_some(numbers)
}

impl Serialize for TraceContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads an optional trace. A broken one counts as none: nothing is lost for the sake of a trace.
pub(super) fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TraceContext>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().and_then(|text| text.parse().ok()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_the_standard_allows_and_nothing_else() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let trace: TraceContext = good.parse().unwrap();
        assert_eq!((trace.to_string().as_str(), trace.is_sampled()), (good, true));
        let later = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-what-comes";
        assert_eq!(later.parse(), Ok(trace));
        for bad in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
            "00-0af7651916cd43dd8448eb211c80319cb-7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319é-b7ad6b7169203331-01",
        ] {
            assert_eq!(bad.parse::<TraceContext>(), Err(InvalidTraceContext), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(trace_id in 1u128.., span_id in 1u64.., sampled: bool) {
            let trace = TraceContext::new(trace_id, span_id, sampled).unwrap();
            prop_assert_eq!(trace.to_string().parse(), Ok(trace));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,70}") {
            if let Ok(trace) = text.parse::<TraceContext>() {
                prop_assert_eq!(trace.to_string().len(), 55);
            }
        }
    }
}
