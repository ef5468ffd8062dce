//! What GDAL before 3.9 sends as `cql-text`: CQL2 text but for one word of its own, `name ILIKE 'text'`, which becomes
//! `CASEI(name) LIKE CASEI('text')`. Everything else goes through as it is.

const WORD: &str = " ILIKE '";

/// The filter in the words of the standard.
pub(super) fn standard(filter: &str) -> String {
    let mut out = String::with_capacity(filter.len() + 32);
    let mut rest = filter;
    while let Some(at) = outside_texts(rest) {
        let (before, behind) = (&rest[..at], &rest[at + WORD.len() - 1..]);
        let Some(end) = text_end(behind) else { break };
        let name = before.rfind(['(', ' ']).map_or(0, |at| at + 1);
        out.extend([&before[..name], "CASEI(", &before[name..], ") LIKE CASEI(", &behind[..end], ")"]);
        rest = &behind[end..];
    }
    out + rest
}

/// Where the word stands outside of any text: an even number of quotation marks is before it.
fn outside_texts(filter: &str) -> Option<usize> {
    let is_outside = |at: &usize| filter[..*at].matches('\'').count().is_multiple_of(2);
    filter.match_indices(WORD).map(|(at, _)| at).find(is_outside)
}

/// Behind the text that stands at the beginning; two marks in a row are one of the text.
fn text_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    loop {
        match (bytes.get(at)?, bytes.get(at + 1)) {
            (b'\'', Some(b'\'')) => at += 2,
            (b'\'', _) => return Some(at + 1),
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_replaced_and_texts_are_left_alone() {
        assert_eq!(
            standard("(name ILIKE 'o''k ILIKE ''x%') AND (a = ' ILIKE ''') OR NOT (b ILIKE 'é_')"),
            "(CASEI(name) LIKE CASEI('o''k ILIKE ''x%')) AND (a = ' ILIKE ''') OR NOT (CASEI(b) LIKE CASEI('é_'))"
        );
        for same in ["", "name LIKE 'x'", "name ILIKE 'open", "x = ' ILIKE '"] {
            assert_eq!(standard(same), same);
        }
    }
}
