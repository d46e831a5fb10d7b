//! The GitLab servers of `config.toml`, as the client wants them.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::cli::Failure;
use crate::clients::gitlab::{Settings, TokenSource};
use crate::config::{self, Config, Paths};

/// Every GitLab of the settings; an error when there is none, or when the file is wrong.
pub(super) fn of_user() -> Result<Vec<Settings>, Failure> {
    let wrong = |text: String| Failure::usage(anyhow!(text));
    let paths = Paths::of_user().ok_or_else(|| wrong("there is no home directory".to_owned()))?;
    let file = paths.config_file();
    let (text, problem) = config::read_optional(&file);
    if let Some(problem) = problem {
        return Err(wrong(problem));
    }
    let (config, problem) = Config::parse(&text.unwrap_or_default(), &file);
    if let Some(problem) = problem {
        return Err(wrong(problem));
    }
    let (settings, problems) = settings(&config);
    match (settings.is_empty(), problems.into_iter().next()) {
        (_, Some(problem)) => Err(wrong(problem)),
        (true, None) => Err(wrong(format!(
            "{} names no GitLab: write [gitlab.NAME] with url and token-env",
            file.display()
        ))),
        (false, None) => Ok(settings),
    }
}

/// The GitLab servers of a config, and a sentence for each that cannot be used.
pub(super) fn settings(config: &Config) -> (Vec<Settings>, Vec<String>) {
    let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
    let mut all = Vec::new();
    let mut problems = Vec::new();
    for (name, gitlab) in &config.gitlab {
        match one(name, gitlab, home.as_deref()) {
            Ok(settings) => all.push(settings),
            Err(why) => problems.push(format!("config.toml: [gitlab.{name}] {why}")),
        }
    }
    (all, problems)
}

fn one(name: &str, gitlab: &config::Gitlab, home: Option<&Path>) -> Result<Settings, String> {
    if !gitlab.url.starts_with("https://") && !gitlab.url.starts_with("http://") {
        return Err("has no url such as https://gitlab.example.com".to_owned());
    }
    let place = |path: &PathBuf| match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.clone(),
    };
    let command = Some(gitlab.token_command.clone()).filter(|words| !words.is_empty());
    let mut sources: Vec<TokenSource> = Vec::new();
    sources.extend(gitlab.token_env.clone().map(TokenSource::Env));
    sources.extend(command.map(TokenSource::Command));
    sources.extend(
        gitlab
            .token_file
            .as_ref()
            .map(|file| TokenSource::File(place(file))),
    );
    if gitlab.token_glab {
        sources.push(TokenSource::Glab(glab(home)));
    }
    let source = sources.pop().filter(|_| sources.is_empty());
    let token = source.ok_or_else(|| {
        "names its token in one way: token-env, token-command, token-file or token-glab".to_owned()
    })?;
    Ok(Settings {
        name: name.to_owned(),
        url: gitlab.url.clone(),
        ca_file: gitlab.ca_file.as_ref().map(place),
        token,
        projects: gitlab.projects.clone(),
    })
}

/// Where glab keeps its settings.
fn glab(home: Option<&Path>) -> PathBuf {
    let named = |name: &str| std::env::var_os(name).filter(|it| !it.is_empty());
    if let Some(folder) = named("GLAB_CONFIG_DIR") {
        return PathBuf::from(folder).join("config.yml");
    }
    let config = named("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| home.map(|home| home.join(".config")));
    config.unwrap_or_default().join("glab-cli/config.yml")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<Settings>, Vec<String>) {
        let (config, complaint) = Config::parse(text, Path::new("config.toml"));
        assert_eq!(complaint, None);
        settings(&config)
    }

    #[test]
    fn a_gitlab_has_a_url_and_one_way_to_its_token() {
        let (all, problems) = read(
            "[gitlab.office]\nurl = \"https://git.example.com/gitlab\"\ntoken-env = \"TOKEN\"\nprojects = [\"ops/x\"]\n\
             [gitlab.home]\nurl = \"http://10.0.0.2\"\ntoken-command = [\"pass\", \"git\"]\n",
        );
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(
            all[0].token,
            TokenSource::Command(vec!["pass".into(), "git".into()])
        );
        assert_eq!(all[1].projects, ["ops/x"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        for (text, expected) in [
            ("[gitlab.a]\ntoken-env = \"T\"\n", "[gitlab.a] has no url"),
            (
                "[gitlab.a]\nurl = \"https://x\"\n",
                "names its token in one way",
            ),
            (
                "[gitlab.a]\nurl = \"https://x\"\ntoken-env = \"T\"\ntoken-glab = true\n",
                "names its token in one way",
            ),
        ] {
            let (all, problems) = read(text);
            assert!(all.is_empty());
            assert!(problems[0].contains(expected), "{problems:?}");
        }
    }
}
