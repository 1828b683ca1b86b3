//! The dashboard address that Clerk's keyless mode writes beside a key.

use std::sync::LazyLock;

use regex::bytes::Regex;

/// The address of the one instance's API keys page that `text` names, rebuilt from its two ids; `None` where it
/// names none, or several. Nothing of the text itself is copied: whoever wrote it may want an Admin to follow it.
pub fn dashboard_url(text: &[u8]) -> Option<String> {
    let (application, instance) = ids(text)?;
    Some(format!("https://dashboard.clerk.com/apps/{application}/instances/{instance}/api-keys"))
}

/// The ids of the one application and instance whose API keys page `text` names: letters and digits only.
pub(super) fn ids(text: &[u8]) -> Option<(&str, &str)> {
    static URL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"https://dashboard\.clerk\.com/apps/(app_[A-Za-z0-9]{1,64})/instances/(ins_[A-Za-z0-9]{1,64})/api-keys(?-u:\b)",
        )
        .ok()
    });
    let mut found = URL.as_ref()?.captures_iter(text).filter_map(|found| {
        // What goes on is another address: only what ends one in prose, JSON or Markdown may follow.
        let behind = text.get(found.get(0)?.end());
        if behind.is_some_and(|byte| !byte.is_ascii_whitespace() && !b"\"'`,)]}<>*".contains(byte)) {
            return None;
        }
        let before = found.get(0)?.start().checked_sub(1).and_then(|at| text.get(at));
        if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"=/?&%".contains(byte)) {
            return None;
        }
        let id = |group| found.get(group).and_then(|id| std::str::from_utf8(id.as_bytes()).ok());
        Some((id(1)?, id(2)?))
    });
    let first = found.next()?;
    found.all(|ids| ids == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::dashboard_url;

    #[test]
    fn only_the_exact_address_is_taken_and_only_when_it_is_alone() {
        let url = "https://dashboard.clerk.com/apps/app_2abc/instances/ins_2def/api-keys";
        assert_eq!(dashboard_url(format!("\"apiKeysUrl\": \"{url}\"").as_bytes()).as_deref(), Some(url));
        assert_eq!(dashboard_url(format!("{url}\n{url}").as_bytes()).as_deref(), Some(url));
        for other in [
            format!("{url}/../../evil"),
            format!("{url}?next=evil"),
            format!("{url}#evil"),
            format!("{url}\\evil"),
            format!("https://evil.example/?to={url}"),
            url.replace("clerk.com", "clerk.com.evil.example"),
            url.replace("https", "http"),
            url.replace("app_2abc", "app_2/abc"),
            format!("{url} {}", url.replace("2abc", "2xyz")),
        ] {
            assert_eq!(dashboard_url(other.as_bytes()), None, "{other}");
        }
    }
}
