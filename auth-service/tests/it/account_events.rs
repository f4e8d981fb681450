//! What other services are told over gRPC, on both engines.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use auth_service::{
    app::{
        client::Client,
        ports::{AccountEvents, Which},
    },
    domain::{
        account_change::AccountChange,
        audit::{Act, AuditEntry},
    },
    outbound::sql::SqlAccountEvents,
};
use proto::accounts::{
    AccountEvent, AccountEventKind as Kind, WatchAccountEventsRequest,
    accounts_client::AccountsClient,
};
use tonic::{Code, Status, Streaming};

use crate::support::{
    NOON, TestApp, TestDatabase,
    grpc::{Served, TOKEN, with_token},
    start,
};

/// A year: no token lives longer.
const YEAR: i64 = 365 * 24 * 60 * 60 * 1000;

/// How long a session lives at most.
const ABSOLUTE: i64 = 90 * 24 * 60 * 60 * 1000;

async fn listen(served: &Served, after: i64) -> Result<Streaming<AccountEvent>, Status> {
    let mut client = AccountsClient::new(served.channel().await);
    let request = with_token(WatchAccountEventsRequest { after }, TOKEN);
    let answer = client.watch_account_events(request).await;
    answer.map(tonic::Response::into_inner)
}

/// The next event; a second is what may pass until it is there.
async fn next(events: &mut Streaming<AccountEvent>) -> AccountEvent {
    let next = tokio::time::timeout(Duration::from_secs(1), events.message());
    let event = next.await.expect("no event within a second");
    event.unwrap().expect("the stream ended")
}

fn event(number: i64, kind: Kind, user_id: &str, until_ms: i64) -> AccountEvent {
    AccountEvent {
        number,
        at_ms: NOON,
        user_id: user_id.to_owned(),
        kind: kind.into(),
        session_id: String::new(),
        until_ms,
    }
}

async fn set_enabled(app: &TestApp, id: &str, enabled: bool) {
    let change = AccountChange {
        enabled: Some(enabled),
        ..AccountChange::default()
    };
    let changed = app.app.users.change(id, &change, NOON, &[entry()]).await;
    assert!(changed.unwrap().is_some());
}

async fn delete(app: &TestApp, id: &str) {
    assert!(app.app.users.delete(id, &entry()).await.unwrap());
}

/// A line of the audit log that no other call gives.
fn entry() -> AuditEntry {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::SeqCst);
    AuditEntry {
        id: format!("018bcfe5-6800-7000-9000-{number:012}"),
        at: NOON,
        act: Act::AccountDeleted,
        actor: None,
        target: None,
        ip: None,
        detail: None,
    }
}

async fn everything_is_told_in_order_and_from_anywhere(home: TestDatabase) {
    let served = Served::with(TestApp::on(home, &[]).await, None).await;
    let ada = served.sign_up("ada").await;
    let mut live = listen(&served, 0).await.unwrap();

    let sessions = served.app.app.list_sessions(&ada).await.unwrap();
    let id = sessions[0].session.id.clone();
    let client = Client::default();
    let ended = served
        .app
        .app
        .end_sessions(&ada, Which::One(&id), Act::SignedOut, &client);
    assert_eq!(ended.await.unwrap(), 1);
    let mut signed_out = event(1, Kind::SessionRevoked, &ada, NOON + ABSOLUTE);
    signed_out.session_id = id;
    assert_eq!(next(&mut live).await, signed_out);

    set_enabled(&served.app, &ada, false).await;
    set_enabled(&served.app, &ada, true).await;
    delete(&served.app, &ada).await;
    let rest = [
        event(2, Kind::Disabled, &ada, 0),
        event(3, Kind::Enabled, &ada, 0),
        event(4, Kind::Deleted, &ada, 0),
    ];
    for expected in &rest {
        assert_eq!(&next(&mut live).await, expected);
    }
    let mut late = listen(&served, 2).await.unwrap();
    for expected in &rest[1..] {
        assert_eq!(&next(&mut late).await, expected);
    }
}

#[tokio::test]
async fn everything_is_told_in_order_and_from_anywhere_on_sqlite() {
    everything_is_told_in_order_and_from_anywhere(TestDatabase::sqlite()).await;
}

#[tokio::test]
async fn everything_is_told_in_order_and_from_anywhere_on_postgres() {
    everything_is_told_in_order_and_from_anywhere(TestDatabase::postgres().await).await;
}

/// What another replica writes is told too, within a second.
#[tokio::test]
async fn replicas_tell_of_one_another() {
    let served = Served::with(TestApp::on(TestDatabase::postgres().await, &[]).await, None).await;
    let ada = served.sign_up("ada").await;
    let other = start(&served.app.home.config(&[]), &served.app.clock).await;
    let mut live = listen(&served, 0).await.unwrap();
    assert!(other.app.users.delete(&ada, &entry()).await.unwrap());
    assert_eq!(next(&mut live).await, event(1, Kind::Deleted, &ada, 0));
}

/// Numbers appear in the order of commits, whoever writes at the same time.
#[tokio::test]
async fn writers_at_once_leave_no_gap_behind_a_listener() {
    let served = Served::with(TestApp::on(TestDatabase::postgres().await, &[]).await, None).await;
    let mut live = listen(&served, 0).await.unwrap();
    let mut ids = vec![];
    for number in 0..8 {
        ids.push(served.sign_up(&format!("user{number}")).await);
    }
    let turns = ids.iter().map(|id| async {
        for enabled in [false, true, false] {
            set_enabled(&served.app, id, enabled).await;
        }
    });
    futures::future::join_all(turns).await;
    // Each account's session, and its three turns.
    for number in 1..=32 {
        assert_eq!(next(&mut live).await.number, number);
    }
}

#[tokio::test]
async fn a_place_that_can_not_be_is_refused() {
    let served = Served::sqlite().await;
    for (after, code, word) in [
        (-1, Code::InvalidArgument, "invalid_cursor"),
        (1, Code::OutOfRange, "cursor_ahead"),
        (i64::MAX, Code::OutOfRange, "cursor_ahead"),
    ] {
        let error = listen(&served, after).await.unwrap_err();
        assert_eq!(error.code(), code, "{after}");
        assert_eq!(error.metadata().get("error-code").unwrap(), word);
    }
    let mut client = AccountsClient::new(served.channel().await);
    let request = WatchAccountEventsRequest { after: 0 };
    let error = client.watch_account_events(request).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_listener_does_not_hold_a_stop_up() {
    let served = Served::sqlite().await;
    let mut live = listen(&served, 0).await.unwrap();
    served.stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(5), served.server).await;
    ended
        .expect("the server must stop while somebody listens")
        .unwrap();
    assert_eq!(live.message().await.unwrap(), None);
}

/// A thousand events are more than one batch, and none is told twice or left
/// out, however slow the reader is.
#[tokio::test]
async fn many_events_come_whole() {
    let served = Served::sqlite().await;
    let mut transaction = served.app.database.begin().await.unwrap();
    for number in 1..=1_200_i64 {
        sqlx::query(
            "INSERT INTO account_events (number, at, kind, user_id, until) \
             VALUES ($1, 1, 'tokens_revoked', 'someone', $2)",
        )
        .bind(number)
        .bind(1 + YEAR)
        .execute(&mut *transaction)
        .await
        .unwrap();
    }
    sqlx::query("UPDATE account_event_counter SET last = 1200")
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let mut live = listen(&served, 0).await.unwrap();
    for number in 1..=1_200 {
        let told = next(&mut live).await;
        assert_eq!((told.number, told.until_ms), (number, 1 + YEAR));
    }
}

/// An event that voids nothing any more goes; what matters for ever stays.
#[tokio::test]
async fn what_voids_nothing_any_more_is_forgotten() {
    let app = TestApp::sqlite().await;
    let ada = app.sign_up("ada").await["user"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    set_enabled(&app, &ada, false).await;
    delete(&app, &ada).await;
    let store = SqlAccountEvents::new(app.database.clone());
    let numbers = || async {
        let events = store.after(0, 10).await.unwrap();
        let numbers: Vec<i64> = events.into_iter().map(|event| event.number).collect();
        numbers
    };
    assert_eq!(numbers().await, [1, 2, 3]);
    app.clock.advance(ABSOLUTE);
    app.app.clean_up().await.unwrap();
    assert_eq!(numbers().await, [1, 2, 3]);
    app.clock.advance(60_001);
    app.app.clean_up().await.unwrap();
    assert_eq!(numbers().await, [2, 3]);
    assert_eq!(store.newest().await.unwrap(), 3);
}
