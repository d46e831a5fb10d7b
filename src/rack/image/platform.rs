//! Platforms as container runtimes compare them (containerd's rules), and what that means on a Pi.

use std::fmt;

/// `linux/arm/v7`, in the words runtimes settle on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    pub os: String,
    pub architecture: String,
    /// `v7`; only where the architecture has some.
    pub variant: Option<String>,
}

/// How an image goes on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    Fits,
    /// Only its 32-bit build does: it runs where CPU and kernel still allow that.
    Narrow,
    None,
}

impl Platform {
    /// From the three words of a manifest; many spellings are one platform.
    pub fn new(os: &str, architecture: &str, variant: &str) -> Platform {
        let variant = variant.to_lowercase();
        let variant = variant.strip_prefix("arm").unwrap_or(&variant);
        let variant = match variant {
            "5" | "6" | "7" | "8" => format!("v{variant}"),
            other => other.to_owned(),
        };
        let architecture = architecture.to_lowercase();
        let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
            // What every 64-bit Pi has needs no word.
            ("arm64" | "aarch64", "v8" | "") => ("arm64", ""),
            ("arm64" | "aarch64", other) => ("arm64", other),
            ("armhf", _) | ("arm", "") => ("arm", "v7"),
            ("armel", _) => ("arm", "v6"),
            ("x86_64" | "x86-64", "" | "v1") | ("amd64", "v1") => ("amd64", ""),
            ("i386" | "i686", _) => ("386", ""),
            (other, variant) => (other, variant),
        };
        Platform {
            os: os.to_lowercase(),
            architecture: architecture.to_owned(),
            variant: (!variant.is_empty()).then(|| variant.to_owned()),
        }
    }

    /// `unknown/unknown` is how builders file papers (attestations) between the platforms.
    pub fn is_known(&self) -> bool {
        self.architecture != "unknown" && !self.architecture.is_empty() && self.os != "unknown"
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

/// How an image with these platforms goes on a node of this architecture (`kubernetes.io/arch`, which has no variant).
pub fn fit(architecture: &str, platforms: &[Platform]) -> Fit {
    let of_linux = || platforms.iter().filter(|it| it.os == "linux");
    let has = |architecture: &str| of_linux().any(|it| it.architecture == architecture);
    // A node says `arm` from v6 on; an image for v8 in 32 bits goes on none of them.
    let has_arm = || {
        let is_v8 = |it: &Platform| it.variant.as_deref() == Some("v8");
        of_linux().any(|it| it.architecture == "arm" && !is_v8(it))
    };
    let node = Platform::new("linux", architecture, "").architecture;
    match node.as_str() {
        "arm64" if has("arm64") => Fit::Fits,
        "arm64" if has("arm") => Fit::Narrow,
        "arm" if has_arm() => Fit::Fits,
        "amd64" if !has("amd64") && has("386") => Fit::Narrow,
        other if other != "arm" && has(other) => Fit::Fits,
        _ => Fit::None,
    }
}

/// `linux/amd64, linux/arm64`.
pub fn list(platforms: &[Platform]) -> String {
    if platforms.is_empty() {
        return "no platform at all".to_owned();
    }
    let words: Vec<String> = platforms.iter().map(ToString::to_string).collect();
    words.join(", ")
}
