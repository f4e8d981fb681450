//! Fetching: only what is public, within bounds, and as hosts want it.

use std::{io::Write, time::Duration};

use api_service::{
    app::ports::{FetchError, Fetched, FetchedPage, Visit, Web},
    domain::source::Marks,
    outbound::web::addresses::Guard,
};
use flate2::{Compression, write::GzEncoder};
use wiremock::ResponseTemplate;

use crate::support::web::{PATIENCE, Site, guard, guard_with, html, plain, redirect, web};

/// The largest page of these tests, in bytes.
const LIMIT: usize = 10_000;

/// The network that hosts of tests are in.
const HERE: &str = "127.0.0.1/32";

fn visit(guard: Guard) -> Box<dyn Visit> {
    web(guard, PATIENCE).visit()
}

async fn get(visit: &mut Box<dyn Visit>, address: &str) -> Result<String, FetchError> {
    match visit.get(address, &Marks::default(), LIMIT).await? {
        Fetched::Page(page) => Ok(String::from_utf8(page.content).unwrap()),
        Fetched::Unchanged => Ok("unchanged".to_owned()),
    }
}

/// Why `address` is not fetched from here.
async fn refusal(address: &str) -> FetchError {
    get(&mut visit(guard(&[HERE])), address).await.unwrap_err()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_page_comes_with_its_marks_and_is_not_fetched_twice() {
    let site = Site::start().await;
    site.page("/a", "Tea");
    let mut visit = visit(guard(&[HERE]));
    let page = visit.get(&site.url("/a"), &Marks::default(), LIMIT).await;
    let Ok(Fetched::Page(page)) = page else {
        panic!("{page:?}");
    };
    let marks = Marks {
        etag: "\"Tea\"".to_owned(),
        ..Marks::default()
    };
    let expected = FetchedPage {
        address: site.url("/a"),
        media_type: Some("text/html; charset=utf-8".to_owned()),
        content: b"<html><body><main><p>Tea</p></main></body></html>".to_vec(),
        marks: marks.clone(),
    };
    assert_eq!(page, expected);
    let again = visit.get(&site.url("/a"), &marks, LIMIT).await;
    assert_eq!(again, Ok(Fetched::Unchanged));
    assert_eq!(site.asked(), ["/a", "/a?"]);
    assert_eq!(site.asked_for_robots().await, 1);
}

#[tokio::test]
async fn the_date_of_a_page_is_a_mark_too() {
    let site = Site::start().await;
    let date = "Sun, 01 Nov 2026 12:00:00 GMT";
    site.set("/a", plain("Tea").insert_header("last-modified", date));
    let mut visit = visit(guard(&[HERE]));
    let page = visit.get(&site.url("/a"), &Marks::default(), LIMIT).await;
    let Ok(Fetched::Page(page)) = page else {
        panic!("{page:?}");
    };
    assert_eq!(page.marks.last_modified, date);
    // A host that says unchanged without being asked whether is not believed.
    site.set("/b", ResponseTemplate::new(304));
    let asked = visit.get(&site.url("/b"), &Marks::default(), LIMIT).await;
    assert_eq!(asked, Err(FetchError::BadStatus(304)));
    let asked = visit.get(&site.url("/b"), &page.marks, LIMIT).await;
    assert_eq!(asked, Ok(Fetched::Unchanged));
}

#[tokio::test]
async fn what_is_not_public_is_refused_before_a_connection() {
    let site = Site::start().await;
    site.page("/", "secret");
    let port = site.url("/").rsplit(':').next().unwrap().to_owned();
    let mut nowhere = visit(guard(&[]));
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "0.0.0.0",
    ] {
        let address = format!("http://{host}:{port}");
        let refused = get(&mut nowhere, &address).await;
        assert_eq!(refused, Err(FetchError::AddressNotAllowed), "{host}");
    }
    assert_eq!(site.asked(), [""; 0]);
    assert_eq!(site.asked_for_robots().await, 0);
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_refused() {
    let hosts: &[(&str, &[&str])] = &[
        ("inner.example", &["10.0.0.7"]),
        ("metadata.example", &["169.254.169.254"]),
        ("mapped.example", &["::ffff:127.0.0.1"]),
        // One public address does not make the other one so.
        ("both.example", &["93.184.215.14", "192.168.0.1"]),
        ("none.example", &[]),
    ];
    let mut visit = visit(guard_with(hosts, &[]));
    for (host, _) in &hosts[..4] {
        let refused = get(&mut visit, &format!("http://{host}/")).await;
        assert_eq!(refused, Err(FetchError::AddressNotAllowed), "{host}");
    }
    for host in ["none.example", "unknown.example"] {
        let refused = get(&mut visit, &format!("http://{host}/")).await;
        assert_eq!(refused, Err(FetchError::HostNotFound), "{host}");
    }
}

/// The address that was looked at is the one that is connected to: a name is
/// looked up for the connection itself.
#[tokio::test]
async fn a_name_is_connected_to_where_it_was_looked_up() {
    let site = Site::start().await;
    site.page("/a", "Tea");
    let port = site.url("").rsplit(':').next().unwrap().to_owned();
    let hosts: &[(&str, &[&str])] = &[("docs.example", &["127.0.0.1"])];
    let mut visit = visit(guard_with(hosts, &[HERE]));
    let page = get(&mut visit, &format!("http://docs.example:{port}/a")).await;
    assert!(page.unwrap().contains("Tea"));
}

#[tokio::test]
async fn redirects_are_followed_a_few_times_and_each_is_looked_at() {
    let site = Site::start().await;
    site.page("/5", "Tea");
    for number in 0..5 {
        site.set(&format!("/{number}"), redirect(&format!("/{}", number + 1)));
    }
    let mut visit = visit(guard(&[HERE]));
    let page = get(&mut visit, &site.url("/0")).await.unwrap();
    assert!(page.contains("Tea"));
    site.set("/more", redirect("/0"));
    let refused = get(&mut visit, &site.url("/more")).await;
    assert_eq!(refused, Err(FetchError::TooManyRedirects));
    site.set("/round", redirect("/round"));
    let refused = get(&mut visit, &site.url("/round")).await;
    assert_eq!(refused, Err(FetchError::TooManyRedirects));
    for (to, why) in [
        ("http://127.0.0.2/", FetchError::AddressNotAllowed),
        ("http://10.0.0.1/", FetchError::AddressNotAllowed),
        (
            "http://169.254.169.254/latest/meta-data",
            FetchError::AddressNotAllowed,
        ),
        ("//[::1]:22/", FetchError::AddressNotAllowed),
        ("http://[fd00::1]/", FetchError::AddressNotAllowed),
        ("http://0177.0.0.2/", FetchError::AddressNotAllowed),
        ("file:///etc/passwd", FetchError::InvalidAddress),
        ("gopher://example.com/", FetchError::InvalidAddress),
        ("http://user:secret@127.0.0.1/", FetchError::InvalidAddress),
        ("http://", FetchError::BadRedirect),
    ] {
        site.set("/away", redirect(to));
        let refused = get(&mut visit, &site.url("/away")).await;
        assert_eq!(refused, Err(why), "{to}");
    }
    site.set("/nowhere", ResponseTemplate::new(302));
    let refused = get(&mut visit, &site.url("/nowhere")).await;
    assert_eq!(refused, Err(FetchError::BadRedirect));
}

#[tokio::test]
async fn pages_are_no_larger_than_they_may_be_packed_or_not() {
    let site = Site::start().await;
    let packed = |bytes: &[u8]| {
        plain("")
            .set_body_bytes(gzip(bytes))
            .insert_header("content-encoding", "gzip")
    };
    site.set("/fits", plain(&"a".repeat(LIMIT)));
    site.set("/packed", packed(&vec![b'a'; LIMIT]));
    site.set("/large", plain(&"a".repeat(LIMIT + 1)));
    site.set("/bomb", packed(&vec![0; 50_000_000]));
    site.set(
        "/broken",
        plain("no gzip").insert_header("content-encoding", "gzip"),
    );
    site.set(
        "/brotli",
        plain("?").insert_header("content-encoding", "br"),
    );
    let mut visit = visit(guard(&[HERE]));
    for path in ["/fits", "/packed"] {
        let page = get(&mut visit, &site.url(path)).await.unwrap();
        assert_eq!(page, "a".repeat(LIMIT), "{path}");
    }
    for (path, why) in [
        ("/large", FetchError::TooLarge),
        ("/bomb", FetchError::TooLarge),
        ("/broken", FetchError::BadEncoding),
        ("/brotli", FetchError::BadEncoding),
    ] {
        assert_eq!(get(&mut visit, &site.url(path)).await, Err(why), "{path}");
    }
}

#[tokio::test]
async fn answers_that_are_no_pages_say_what_they_are() {
    let site = Site::start().await;
    for status in [201, 204, 206, 400, 401, 403, 429, 500, 503] {
        site.set("/a", ResponseTemplate::new(status));
        assert_eq!(
            refusal(&site.url("/a")).await,
            FetchError::BadStatus(status)
        );
    }
    for status in [404, 410] {
        site.set("/a", ResponseTemplate::new(status));
        assert_eq!(refusal(&site.url("/a")).await, FetchError::Gone);
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(refusal(&closed).await, FetchError::Unreachable);
}

#[tokio::test]
async fn a_slow_host_is_not_waited_for() {
    let site = Site::start().await;
    site.set("/robots.txt", ResponseTemplate::new(404));
    site.set("/slow", plain("Tea").set_delay(Duration::from_mins(5)));
    let mut visit = web(guard(&[HERE]), Duration::from_millis(500)).visit();
    let refused = get(&mut visit, &site.url("/slow")).await;
    assert_eq!(refused, Err(FetchError::TimedOut));
}

#[tokio::test]
async fn what_robots_txt_says_is_kept_to() {
    let site = Site::start().await;
    site.set(
        "/robots.txt",
        plain("User-agent: lectern\nDisallow: /private\nAllow: /private/tea\n"),
    );
    site.page("/private/tea", "Tea");
    site.page("/private/coffee", "Coffee");
    site.page("/open", "Water");
    site.set("/leads", redirect("/private/coffee"));
    let mut visit = visit(guard(&[HERE]));
    assert!(get(&mut visit, &site.url("/private/tea")).await.is_ok());
    assert!(get(&mut visit, &site.url("/open")).await.is_ok());
    for path in ["/private/coffee", "/private", "/leads"] {
        let refused = get(&mut visit, &site.url(path)).await;
        assert_eq!(refused, Err(FetchError::Disallowed), "{path}");
    }
    assert_eq!(site.asked(), ["/private/tea", "/open", "/leads"]);
    assert_eq!(site.asked_for_robots().await, 1);
}

#[tokio::test]
async fn without_a_robots_txt_all_is_allowed_and_with_a_broken_host_nothing() {
    for (status, allowed) in [
        (404, true),
        (403, true),
        (410, true),
        (500, false),
        (503, false),
    ] {
        let site = Site::start().await;
        site.set("/robots.txt", ResponseTemplate::new(status));
        site.set("/a", html("Tea"));
        let found = get(&mut visit(guard(&[HERE])), &site.url("/a")).await;
        let expected = if allowed {
            None
        } else {
            Some(FetchError::RobotsUnavailable)
        };
        assert_eq!(found.err(), expected, "{status}");
    }
    // Rules beyond what is read do not count, and the host is not asked for more.
    let site = Site::start().await;
    let long = format!("User-agent: *\nDisallow: /a\n{}", "#".repeat(3_000_000));
    site.set("/robots.txt", plain(&long));
    assert_eq!(refusal(&site.url("/a")).await, FetchError::Disallowed);
    // It may be elsewhere, but not just anywhere.
    let site = Site::start().await;
    site.set("/robots.txt", redirect("/other.txt"));
    site.set("/other.txt", plain("User-agent: *\nDisallow: /"));
    assert_eq!(refusal(&site.url("/a")).await, FetchError::Disallowed);
    site.set("/robots.txt", redirect("http://10.0.0.1/robots.txt"));
    assert_eq!(
        refusal(&site.url("/a")).await,
        FetchError::AddressNotAllowed
    );
}
