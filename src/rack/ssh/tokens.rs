//! `%h`, `%d` and their like in values of ssh's configuration, `~` and `${NAME}` (`man ssh_config`, TOKENS).

/// What the tokens stand for. Tokens that are not here (`%C`, `%i` …) are looked up in `others`.
#[derive(Debug, Clone, Default)]
pub(super) struct Tokens {
    /// `%h`: the host name to connect to.
    pub(super) host: String,
    /// `%n`: as the person wrote it.
    pub(super) original: String,
    /// `%p`
    pub(super) port: String,
    /// `%r`
    pub(super) user: String,
    /// `%u`
    pub(super) local_user: String,
    /// `%d`
    pub(super) home: String,
    /// `%k`: the alias of the host's key, else the name.
    pub(super) key_alias: String,
    /// `%l`; `%L` is its first part.
    pub(super) local_host: String,
}

impl Tokens {
    /// `text` with every token replaced. A token that means nothing stays as it is, so that the file named by it is
    /// not found and is told as it was written.
    pub(super) fn expand(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            out.push_str(&rest[..at]);
            let mut after = rest[at + 1..].chars();
            let token = after.next();
            if let Some(value) = token.and_then(|token| self.value(token)) {
                out.push_str(value);
            } else {
                out.push('%');
                out.extend(token);
            }
            rest = after.as_str();
        }
        out.push_str(rest);
        out
    }

    /// A file name: tokens, `~/` and `${NAME}`.
    pub(super) fn expand_path(
        &self,
        text: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> String {
        let text = match text.strip_prefix("~/") {
            Some(rest) => format!("{}/{rest}", self.home),
            None if text == "~" => self.home.clone(),
            None => text.to_owned(),
        };
        expand_variables(&self.expand(&text), variable)
    }

    fn value(&self, token: char) -> Option<&str> {
        Some(match token {
            '%' => "%",
            'h' => &self.host,
            'n' => &self.original,
            'p' => &self.port,
            'r' => &self.user,
            'u' => &self.local_user,
            'd' => &self.home,
            'k' => &self.key_alias,
            'l' => &self.local_host,
            'L' => self.local_host.split('.').next().unwrap_or_default(),
            _ => return None,
        })
    }
}

/// `${NAME}` by the environment; an unset one stays.
fn expand_variables(text: &str, variable: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        if let Some((name, tail)) = after.split_once('}') {
            out.push_str(&variable(name).unwrap_or_else(|| format!("${{{name}}}")));
            rest = tail;
        } else {
            out.push_str("${");
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_variables_and_the_home_are_filled_in() {
        let tokens = Tokens {
            host: "rpi.lan".into(),
            original: "rpi".into(),
            port: "22".into(),
            user: "pi".into(),
            local_user: "me".into(),
            home: "/home/me".into(),
            key_alias: "alias".into(),
            local_host: "desk.lan".into(),
        };
        let variable = |name: &str| (name == "X").then(|| "y".to_owned());
        for (text, expected) in [
            ("~/.ssh/id_%h", "/home/me/.ssh/id_rpi.lan"),
            ("%d/%u/%r@%n:%p", "/home/me/me/pi@rpi:22"),
            ("100%%/%k/%l/%L", "100%/alias/desk.lan/desk"),
            ("/a/${X}/${Y}/${", "/a/y/${Y}/${"),
            ("%q%", "%q%"),
            ("é%hé", "érpi.lané"),
        ] {
            assert_eq!(tokens.expand_path(text, variable), expected);
        }
    }
}
