//! One question to GitLab's API: its address, the token in a header, and the conditions.

use std::path::Path;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;

use super::error::Fault;
use crate::clients::web::{self, Web};
use crate::rack::secret::Secret;

pub(super) use crate::clients::web::Answer;

/// What cannot be asked otherwise.
pub(super) const GRAPHQL: &str = "/graphql";

/// Connections to one GitLab.
#[derive(Debug)]
pub(super) struct Http {
    web: Web,
    /// `https://host[:port][/path]`.
    root: String,
    host: String,
}

/// One question.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    /// Below `/api/v4`, with a slash, and with its query; or [`GRAPHQL`].
    pub(super) path: &'a str,
    /// JSON.
    pub(super) body: Option<Vec<u8>>,
    /// Only send something that is not this.
    pub(super) unless: Option<&'a str>,
    /// Bytes of the answer at most, unpacked.
    pub(super) most: usize,
}

impl From<web::Fault> for Fault {
    fn from(fault: web::Fault) -> Fault {
        match fault {
            web::Fault::Settings(why) => Fault::Settings(why),
            web::Fault::Unreachable { host, why } => Fault::Unreachable { host, why },
            web::Fault::Certificate { host, why } => Fault::Certificate { host, why },
            web::Fault::Silent { host, after } => Fault::Silent { host, after },
            web::Fault::TooLarge(most) => Fault::TooLarge(most),
            web::Fault::Garbled(why) => Fault::Garbled(why),
        }
    }
}

impl Http {
    /// Nothing is sent yet. `url` is the root of GitLab, perhaps with a path.
    pub(super) fn new(url: &str, authority: Option<&Path>) -> Result<Http, Fault> {
        let no_url = || Fault::Settings(format!("{url:?} is no URL of a GitLab"));
        let uri: Uri = url.trim_end_matches('/').parse().map_err(|_| no_url())?;
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        let host = uri.host().filter(|_| is_web && uri.query().is_none());
        let host = host.ok_or_else(no_url)?.to_owned();
        let path = uri.path().trim_end_matches('/');
        let name = uri.authority().map_or("", |it| it.as_str());
        let scheme = uri.scheme_str().unwrap_or("https");
        Ok(Http {
            web: Web::new(authority)?,
            root: format!("{scheme}://{name}{path}"),
            host,
        })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The connections, for a server that belongs to this GitLab, such as its registry.
    pub(super) fn web(&self) -> &Web {
        &self.web
    }

    pub(super) async fn ask(&self, ask: Ask<'_>, token: &Secret) -> Result<Answer, Fault> {
        let most = ask.most;
        let request = self.request(ask, token)?;
        Ok(self.web.send(request, most).await?)
    }

    fn request(&self, ask: Ask<'_>, token: &Secret) -> Result<Request<Full<Bytes>>, Fault> {
        let unusable = || Fault::Token("it has signs no header can hold".to_owned());
        let bearer = format!("Bearer {}", token.expose());
        let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| unusable())?;
        bearer.set_sensitive(true);
        // GraphQL stands beside the versions of the other API.
        let api = if ask.path == GRAPHQL {
            "/api"
        } else {
            "/api/v4"
        };
        let mut request = Request::builder()
            .method(ask.method)
            .uri(format!("{}{api}{}", self.root, ask.path))
            .header(header::AUTHORIZATION, bearer)
            .header(
                header::USER_AGENT,
                concat!("bramble/", env!("CARGO_PKG_VERSION")),
            )
            .header(header::ACCEPT_ENCODING, "gzip");
        if let Some(tag) = ask.unless {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        if ask.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = Full::new(Bytes::from(ask.body.unwrap_or_default()));
        let fault = |error: http::Error| Fault::Settings(format!("{}: {error}", ask.path));
        request.body(body).map_err(fault)
    }
}
