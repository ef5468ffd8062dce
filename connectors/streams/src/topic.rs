//! Topic names and filters (MQTT 3.1.1, 4.7): text in, yes or no out. Any UTF-8 is safe here.

/// Longest topic or filter taken, in bytes; the protocol allows 65,535.
const MAX_BYTES: usize = 1_024;

/// Whether a message may be published under the name.
pub(crate) fn is_valid_name(topic: &str) -> bool {
    !topic.is_empty() && topic.len() <= MAX_BYTES && !topic.contains(['+', '#', '\0'])
}

/// Whether the filter may be subscribed to: `+` and `#` stand alone in their level, `#` only in the last.
pub(crate) fn is_valid_filter(filter: &str) -> bool {
    let last = filter.matches('/').count();
    let level_is_valid = |(at, level): (usize, &str)| match level {
        "+" => true,
        "#" => at == last,
        name => !name.contains(['+', '#', '\0']),
    };
    !filter.is_empty() && filter.len() <= MAX_BYTES && filter.split('/').enumerate().all(level_is_valid)
}

/// Whether the filter selects the topic. A wildcard in the first level selects no topic that begins with `$` (4.7.2).
pub(crate) fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut names = topic.split('/');
    for level in filter.split('/') {
        match (level, names.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(name)) if wanted == name => {}
            _ => return false,
        }
    }
    names.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_select_as_the_standard_says() {
        let cases = [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
            ("sport/#", "sport", true),
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("#", "$SYS/uptime", false),
            ("+/uptime", "$SYS/uptime", false),
            ("$SYS/#", "$SYS/uptime", true),
            ("#", "城市/空气", true),
            ("城市/+", "城市/空气", true),
        ];
        for (filter, topic, wanted) in cases {
            assert_eq!(matches(filter, topic), wanted, "{filter} {topic}");
        }
    }

    #[test]
    fn wildcards_stand_alone() {
        for good in ["#", "+", "a/#", "+/b/#", "/", "a//b", "城/+"] {
            assert!(is_valid_filter(good), "{good}");
        }
        for bad in ["", "a#", "a/#/b", "a+/b", "#/", "a/b#", "\0"] {
            assert!(!is_valid_filter(bad), "{bad}");
        }
        assert!(is_valid_name("a/b") && !is_valid_name("a/+") && !is_valid_name("") && !is_valid_name("#"));
        assert!(!is_valid_name(&"x".repeat(1_025)));
    }
}
