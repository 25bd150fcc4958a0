//! One sender of requests: a connection of its own, its cookies, its choices.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tokio::time::{Instant, Sleep, sleep_until};

use super::context::ThreadContext;
use super::exchange::{Answer, Link};
use super::failure::Failure;
use super::moment::Moment;
use super::schedule::unit;
use super::tally::RequestTimes;

/// Cookies that one user keeps; a server that sets more gets the first ones back.
const MOST_COOKIES: usize = 50;

pub(super) struct Visitor {
    context: ThreadContext,
    link: Option<Link>,
    random: ChaCha8Rng,
    /// `None`: a visitor that stands for somebody else each time.
    cookies: Option<BTreeMap<String, String>>,
    /// Moved only when it goes off: a timer for every request would cost more than the
    /// request's own bookkeeping.
    alarm: Pin<Box<Sleep>>,
}

/// How a request ended.
pub(super) struct Ended {
    pub(super) at: Moment,
    /// Whether there was no connection to be had.
    pub(super) without_connection: bool,
}

impl Visitor {
    /// `number` tells the visitors of a load apart.
    pub(super) fn new(context: ThreadContext, number: u64, keeps_cookies: bool) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(context.shared.plan.seed);
        random.set_stream((1 << 32) + number);
        let alarm = Box::pin(sleep_until(Instant::now() + context.shared.timeout));
        Self { context, link: None, random, cookies: keeps_cookies.then(BTreeMap::new), alarm }
    }

    /// A number from 0 up to 1.
    pub(super) fn draw(&mut self) -> f64 {
        unit(&mut self.random)
    }

    /// Waits for something, and lets go of the connection if the server closes it meanwhile.
    pub(super) async fn idle<T>(&mut self, until: impl Future<Output = T>) -> T {
        match &mut self.link {
            Some(link) => link.idle(until).await,
            None => until.await,
        }
    }

    /// Sends one request that was due and could be sent at these moments, and enters its end.
    pub(super) async fn request(&mut self, due: Moment, sendable: Moment) -> Ended {
        let place = self.draw();
        let kind = self.context.shared.requests.choose(place);
        self.context.tally.lock().under_way += 1;
        let began = Moment::now();
        let outcome = self.within_timeout(kind, began).await;
        let ended = Moment::now();
        let without_connection = outcome.as_ref().is_err_and(|failure| failure.is_connection);
        let outcome = outcome.and_then(|answer| {
            let failed = answer.status.is_client_error() || answer.status.is_server_error();
            if failed { Err(Failure::status(answer.status)) } else { Ok(answer.body_bytes) }
        });
        let times = RequestTimes { due, sendable, began, ended };
        let start = self.context.start();
        let mut counters = self.context.tally.lock();
        counters.under_way -= 1;
        counters.enter_end(kind, times, start, &outcome);
        Ended { at: ended, without_connection }
    }

    async fn within_timeout(&mut self, kind: usize, began: Moment) -> Result<Answer, Failure> {
        let deadline = began.after(self.context.shared.timeout);
        let Self { context, link, cookies, alarm, .. } = self;
        let answered = {
            let mut answer = pin!(attempt(context, link, cookies, kind));
            poll_fn(|task| {
                if let Poll::Ready(outcome) = answer.as_mut().poll(task) {
                    return Poll::Ready(outcome);
                }
                while alarm.as_mut().poll(task).is_ready() {
                    let left = deadline.since(Moment::now());
                    if left == 0 {
                        return Poll::Ready(Err(Failure::timeout()));
                    }
                    alarm.as_mut().reset(Instant::now() + Duration::from_nanos(left));
                }
                Poll::Pending
            })
            .await
        };
        // A late answer must not be taken for the next one's.
        if answered.is_err() || link.as_ref().is_some_and(|link| !link.is_open()) {
            *link = None;
        }
        answered
    }
}

/// Sends a request and follows where it is sent on to.
async fn attempt(
    context: &ThreadContext,
    link: &mut Option<Link>,
    cookies: &mut Option<BTreeMap<String, String>>,
    kind: usize,
) -> Result<Answer, Failure> {
    let shared = &context.shared;
    let mut path: Option<String> = None;
    for _ in 0..=shared.plan.redirects {
        let answer = loop {
            let header = cookies.as_ref().and_then(cookie_header);
            let request = match &path {
                None => shared.requests.request(kind, header.as_deref()),
                Some(path) => shared
                    .requests
                    .redirected(kind, path, header.as_deref())
                    .ok_or_else(|| Failure::answer("redirected to what is not an address"))?,
            };
            let reused = link.as_ref().is_some_and(Link::is_open);
            if !reused {
                // On the heap: a handshake under TLS would make every user as large as itself.
                *link = Some(Box::pin(shared.connector.connect()).await?);
            }
            let Some(open) = link.as_mut() else { continue };
            match open.exchange(request).await {
                // An idle connection that the server had closed: nothing was sent yet.
                Err(failure) if failure.never_sent && reused => *link = None,
                other => break other?,
            }
        };
        if let Some(cookies) = cookies {
            keep(cookies, &answer.cookies);
        }
        let location = answer.location.as_deref().filter(|_| answer.status.is_redirection());
        match location {
            None => return Ok(answer),
            Some(_) if shared.plan.redirects == 0 => return Ok(answer),
            Some(_) if !shared.requests.may_be_redirected_as_get(kind, answer.status) => {
                return Err(Failure::answer("redirected with its body; give the final address"));
            }
            Some(location) => path = Some(same_origin(shared.connector.target(), location)?),
        }
    }
    Err(Failure::answer(format!("redirected more than {} times", shared.plan.redirects)))
}

/// The path of a redirect that stays with the target; a load goes nowhere else.
fn same_origin(
    target: &weighbridge_experiment::load::LoadTarget,
    location: &str,
) -> Result<String, Failure> {
    if location.starts_with('/') && !location.starts_with("//") {
        return Ok(location.to_owned());
    }
    if !location.contains("://") {
        return Err(Failure::answer("redirected to a relative address; give the final one"));
    }
    match weighbridge_experiment::load::LoadTarget::parse(location) {
        Ok(to) if (to.tls, &to.host, to.port) == (target.tls, &target.host, target.port) => {
            Ok(to.path)
        }
        Ok(to) => {
            Err(Failure::answer(format!("redirected to another service, {}", to.authority())))
        }
        Err(_) => Err(Failure::answer("redirected to what is not an address")),
    }
}

fn cookie_header(cookies: &BTreeMap<String, String>) -> Option<String> {
    let pairs: Vec<String> =
        cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    (!pairs.is_empty()).then(|| pairs.join("; "))
}

/// Takes over what an answer sets. Of a cookie's attributes only `Max-Age` counts here: one
/// target, one path, and a load shorter than most dates.
fn keep(cookies: &mut BTreeMap<String, String>, set: &[String]) {
    for line in set {
        let mut parts = line.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            continue;
        };
        let ended = parts.any(|part| {
            part.split_once('=').is_some_and(|(key, age)| {
                key.eq_ignore_ascii_case("max-age") && age.parse::<i64>().is_ok_and(|age| age <= 0)
            })
        });
        if ended {
            cookies.remove(name);
        } else if cookies.len() < MOST_COOKIES || cookies.contains_key(name) {
            cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use weighbridge_experiment::load::LoadTarget;

    use super::*;

    #[test]
    fn cookies_are_kept_and_ended() {
        let mut cookies = BTreeMap::new();
        keep(&mut cookies, &["a=1; Path=/".into(), "b=2; Max-Age=60".into(), "broken".into()]);
        assert_eq!(cookie_header(&cookies).as_deref(), Some("a=1; b=2"));
        keep(&mut cookies, &["a=; Max-Age=0".into()]);
        assert_eq!(cookie_header(&cookies).as_deref(), Some("b=2"));
    }

    #[test]
    fn redirects_stay_with_the_target() {
        let target = LoadTarget::parse("http://h:81/").expect("an address");
        assert_eq!(same_origin(&target, "/next"), Ok("/next".to_owned()));
        assert_eq!(same_origin(&target, "http://h:81/next"), Ok("/next".to_owned()));
        for elsewhere in ["http://other:81/", "https://h:81/", "//h/x", "next", "ftp://h/"] {
            assert!(same_origin(&target, elsewhere).is_err(), "{elsewhere}");
        }
    }
}
