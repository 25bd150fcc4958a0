//! Requests made ready before the load, so that sending one copies little.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Uri};
use weighbridge_experiment::load::{HttpVersion, LoadPlan, LoadRequest};

use super::bodies::{BodyFile, BodyReader};
use super::error::LoadError;
use super::exchange::Body;

/// All kinds of requests of a load.
pub(super) struct PreparedRequests {
    kinds: Vec<Prepared>,
    /// Sums of the weights up to each kind, over their total.
    shares: Vec<f64>,
    origin: Option<String>,
}

struct Prepared {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    bodies: Vec<BodyFile>,
    /// Whether the plan itself says what bodies are.
    has_content_type: bool,
    next_body: AtomicUsize,
}

impl PreparedRequests {
    pub(super) fn new(plan: &LoadPlan, base: &Path) -> Result<Self, LoadError> {
        let scheme = if plan.target.tls { "https" } else { "http" };
        // HTTP/2 has scheme and authority in every request, HTTP/1.1 a `Host` header.
        let origin = match plan.http {
            HttpVersion::One => None,
            HttpVersion::Two => Some(format!("{scheme}://{}", plan.target.authority())),
        };
        let mut reader = BodyReader::default();
        let authority = plan.target.authority();
        let kinds: Vec<Prepared> = plan
            .requests
            .iter()
            .map(|request| {
                let bodies = reader.read(base, &request.body)?;
                prepare(request, bodies, origin.as_deref(), &authority)
                    .map_err(|source| LoadError::Request { name: request.name.clone(), source })
            })
            .collect::<Result<_, _>>()?;
        let total: f64 = plan.requests.iter().map(|request| request.weight).sum();
        let mut sum = 0.0;
        let shares = plan.requests.iter().map(|request| {
            sum += request.weight / total;
            sum
        });
        Ok(Self { shares: shares.collect(), kinds, origin })
    }

    /// The kind at a place from 0 to 1.
    pub(super) fn choose(&self, place: f64) -> usize {
        if self.kinds.len() == 1 {
            return 0;
        }
        self.shares.partition_point(|share| *share <= place).min(self.kinds.len() - 1)
    }

    /// One request of a kind, with the next of its bodies and these cookies.
    pub(super) fn request(&self, kind: usize, cookies: Option<&str>) -> Request<Body> {
        let prepared = &self.kinds[kind];
        let mut request = Request::new(Body::default());
        *request.method_mut() = prepared.method.clone();
        *request.uri_mut() = prepared.uri.clone();
        *request.headers_mut() = prepared.headers.clone();
        if !prepared.bodies.is_empty() {
            let turn = prepared.next_body.fetch_add(1, Ordering::Relaxed) % prepared.bodies.len();
            let body = &prepared.bodies[turn];
            *request.body_mut() = Full::new(body.bytes.clone());
            if !prepared.has_content_type {
                let value = HeaderValue::from_static(body.content_type);
                request.headers_mut().insert(CONTENT_TYPE, value);
            }
        }
        add_cookies(&mut request, cookies);
        request
    }

    /// Whether requests of a kind are repeated elsewhere without a body and another meaning.
    pub(super) fn may_be_redirected_as_get(&self, kind: usize, status: hyper::StatusCode) -> bool {
        let method = &self.kinds[kind].method;
        let keeps_method = matches!(status.as_u16(), 307 | 308);
        !keeps_method || matches!(*method, Method::GET | Method::HEAD)
    }

    /// The request that follows a redirect to a path of the same origin: always GET, as every
    /// browser has it for 301, 302 and 303.
    pub(super) fn redirected(
        &self,
        kind: usize,
        path: &str,
        cookies: Option<&str>,
    ) -> Option<Request<Body>> {
        let mut request = Request::new(Body::default());
        let uri = format!("{}{path}", self.origin.as_deref().unwrap_or_default());
        *request.uri_mut() = uri.parse().ok()?;
        *request.headers_mut() = self.kinds[kind].headers.clone();
        request.headers_mut().remove(CONTENT_TYPE);
        add_cookies(&mut request, cookies);
        Some(request)
    }
}

fn add_cookies(request: &mut Request<Body>, cookies: Option<&str>) {
    if let Some(value) = cookies.and_then(|cookies| HeaderValue::from_str(cookies).ok()) {
        request.headers_mut().insert(COOKIE, value);
    }
}

fn prepare(
    request: &LoadRequest,
    bodies: Vec<BodyFile>,
    origin: Option<&str>,
    authority: &str,
) -> Result<Prepared, hyper::http::Error> {
    let method: Method = request.method.parse()?;
    let uri: Uri = format!("{}{}", origin.unwrap_or_default(), request.path).parse()?;
    let mut headers = HeaderMap::new();
    if origin.is_none() {
        headers.insert(HOST, HeaderValue::from_str(authority)?);
    }
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("weighbridge/", env!("CARGO_PKG_VERSION"))),
    );
    for (name, value) in &request.headers {
        headers.insert(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?);
    }
    let has_content_type = headers.contains_key(CONTENT_TYPE);
    let next_body = AtomicUsize::new(0);
    Ok(Prepared { method, uri, headers, bodies, has_content_type, next_body })
}

/// Bytes of the body that a request would have; for tests.
#[cfg(test)]
pub(super) fn body_of(request: Request<Body>) -> hyper::body::Bytes {
    use http_body_util::BodyExt as _;
    let runtime = super::threads::runtime().expect("a runtime");
    runtime.block_on(request.into_body().collect()).expect("a body").to_bytes()
}

#[cfg(test)]
mod tests {
    use weighbridge_experiment::load::LoadSpec;

    use super::*;

    #[test]
    fn bodies_are_sent_in_turn_with_their_type() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("a.png"), b"first").expect("a file");
        std::fs::write(directory.path().join("b.json"), b"second").expect("a file");
        let spec = LoadSpec { body: vec![".".into()], ..LoadSpec::default() };
        let plan = spec.resolve("http://h:81/p?q=1").expect("a plan");
        let prepared = PreparedRequests::new(&plan, directory.path()).expect("prepared");
        for (body, content_type) in
            [("first", "image/png"), ("second", "application/json"), ("first", "image/png")]
        {
            let request = prepared.request(0, Some("a=1"));
            assert_eq!(request.headers()[CONTENT_TYPE], content_type);
            assert_eq!(
                (&request.headers()[HOST], &request.headers()[COOKIE]),
                (&HeaderValue::from_static("h:81"), &HeaderValue::from_static("a=1"))
            );
            assert_eq!(request.uri().to_string(), "/p?q=1");
            assert_eq!(body_of(request), body);
        }
    }

    #[test]
    fn kinds_are_chosen_by_weight() {
        let text = "[[request]]\npath = \"/a\"\nweight = 3\n[[request]]\npath = \"/never\"\nweight = 0\n[[request]]\npath = \"/b\"";
        let spec: LoadSpec = toml_of(text);
        let plan = spec.resolve("http://h/").expect("a plan");
        let prepared = PreparedRequests::new(&plan, Path::new(".")).expect("prepared");
        let mut counts = [0; 3];
        for step in 0..1000 {
            counts[prepared.choose(f64::from(step) / 1000.0)] += 1;
        }
        assert_eq!(counts, [750, 0, 250]);
    }

    fn toml_of(text: &str) -> LoadSpec {
        weighbridge_experiment::load::LoadSpec::from_toml(text).expect("valid")
    }
}
