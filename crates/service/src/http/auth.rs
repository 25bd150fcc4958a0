//! The token: in a header for programs, in a cookie for browsers after it was typed once.

use axum::Form;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use super::App;
use super::cookie;
use crate::page;
use crate::problem::{Kind, Problem};

const COOKIE: &str = "weighbridge-sign-in";

/// What is open to everybody: whoever restarts a service must see that it lives, and the
/// page on which the token is typed needs its form and its colours.
const OPEN: [&str; 6] = [
    "/health/live",
    "/health/ready",
    "/v2/health/live",
    "/v2/health/ready",
    "/sign-in",
    "/assets/style.css",
];

/// A token, as digests only: they are compared in constant time whatever was sent.
pub(crate) struct Token {
    digest: [u8; 32],
    /// What a browser keeps in place of the token. It ends with the process.
    cookie: String,
}

impl Token {
    pub(crate) fn new(token: &str) -> Self {
        let salt: [u8; 32] = std::array::from_fn(|_| rand::random());
        let cookie = Sha256::new().chain_update(salt).chain_update(token).finalize();
        let cookie = cookie.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { digest: Sha256::digest(token).into(), cookie }
    }

    fn is(&self, given: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(given).into();
        given.ct_eq(&self.digest).into()
    }

    fn is_borne(&self, headers: &HeaderMap) -> bool {
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        if let Some(token) = bearer {
            return self.is(token);
        }
        cookie::read(headers, COOKIE)
            .is_some_and(|given| given.as_bytes().ct_eq(self.cookie.as_bytes()).into())
    }
}

pub(crate) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    let open = OPEN.contains(&request.uri().path());
    match &app.token {
        Some(token) if !open && !token.is_borne(request.headers()) => {
            let given = request.headers().contains_key(header::AUTHORIZATION);
            let detail = if given {
                "the token is not this service's; check the header `Authorization: Bearer TOKEN`"
            } else {
                "this service wants its token in the header `Authorization: Bearer TOKEN`"
            };
            Problem::new(Kind::Unauthorized, detail).into_response()
        }
        _ => next.run(request).await,
    }
}

pub(crate) async fn form() -> Html<String> {
    page::sign_in(false)
}

#[derive(Deserialize)]
pub(crate) struct Typed {
    token: String,
}

pub(crate) async fn sign_in(State(app): State<App>, Form(typed): Form<Typed>) -> Response {
    let Some(token) = &app.token else {
        return Redirect::to("/").into_response();
    };
    if !token.is(typed.token.trim()) {
        return (StatusCode::UNAUTHORIZED, page::sign_in(true)).into_response();
    }
    let mut response = Redirect::to("/").into_response();
    let cookie = cookie::write(COOKIE, &token.cookie, None, app.encrypted);
    if let Ok(value) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_taken_from_the_header_or_the_cookie_and_nothing_else() {
        let token = Token::new("correct horse");
        let borne = |name: header::HeaderName, value: &str| {
            let value = HeaderValue::from_str(value).expect("a value");
            token.is_borne(&HeaderMap::from_iter([(name, value)]))
        };
        assert!(borne(header::AUTHORIZATION, "Bearer correct horse"));
        assert!(borne(header::AUTHORIZATION, "bearer  correct horse"));
        assert!(!borne(header::AUTHORIZATION, "Bearer correct"));
        assert!(!borne(header::AUTHORIZATION, "Basic correct horse"));
        assert!(!borne(header::COOKIE, "weighbridge-sign-in=correct horse"));
        assert!(borne(header::COOKIE, &format!("a=b; weighbridge-sign-in={}", token.cookie)));
        assert!(!token.is_borne(&HeaderMap::new()));
        assert_ne!(Token::new("a").cookie, Token::new("a").cookie, "it ends with the process");
    }
}
