//! Random people do random things with knowledge bases, shares, documents and
//! links; then each of them is shown what a model of ten lines says, and nothing
//! else, wherever they look.

mod model;
mod world;

use api_service::domain::knowledge_base::{ShareRole, Visibility};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use crate::support::TestHome;
use model::Name;
use world::World;

/// Who there is; the last one is an administrator.
const PEOPLE: [Name; 4] = ["ada", "ben", "carl", "admin"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A knowledge base is made.
    Make,
    /// It is shown to others than before.
    Show,
    Share,
    Unshare,
    /// It is deleted.
    Drop,
    /// A document is put in.
    Add,
    /// It gets a new version.
    Replace,
    /// It is deleted.
    Remove,
    /// A link to it is made.
    Link,
    /// An account is deleted.
    Delete,
}

/// What is wanted, before it is known what there is to choose from.
#[derive(Debug, Clone)]
pub struct Wish {
    kind: Kind,
    /// Whoever may, where it is nobody.
    who: Option<Name>,
    whom: Name,
    what: Index,
    visibility: Visibility,
    role: ShareRole,
}

/// What is done.
#[derive(Debug, Clone)]
pub struct Deed {
    kind: Kind,
    who: Name,
    /// With whom, or to whom.
    whom: Name,
    /// The place in the model of the knowledge base or the document.
    what: usize,
    visibility: Visibility,
    role: ShareRole,
    text: String,
}

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let kind = prop_oneof![
        4 => Just(Kind::Make),
        3 => Just(Kind::Show),
        5 => Just(Kind::Share),
        2 => Just(Kind::Unshare),
        1 => Just(Kind::Drop),
        7 => Just(Kind::Add),
        2 => Just(Kind::Replace),
        1 => Just(Kind::Remove),
        4 => Just(Kind::Link),
        1 => Just(Kind::Delete),
    ];
    let who = prop_oneof![2 => Just(None), 1 => select(&PEOPLE[..]).prop_map(Some)];
    let visibility = prop_oneof![
        1 => Just(Visibility::Public),
        1 => Just(Visibility::Members),
        2 => Just(Visibility::Private),
    ];
    let role = select(vec![ShareRole::Reader, ShareRole::Editor]);
    let wish = (
        kind,
        who,
        select(&PEOPLE[..]),
        any::<Index>(),
        visibility,
        role,
    );
    let wish = wish.prop_map(|(kind, who, whom, what, visibility, role)| Wish {
        kind,
        who,
        whom,
        what,
        visibility,
        role,
    });
    vec(wish, 1..32)
}

/// The same cases at each run; those that fail are made as small as they can be.
fn runner(cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 100,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Grants wishes, and looks at everything in the middle and at the end.
async fn live(home: TestHome, wishes: &[Wish]) {
    let mut world = World::new(home).await;
    for (number, wish) in wishes.iter().enumerate() {
        world.grant(wish).await;
        if number == wishes.len() / 2 {
            world.look().await;
        }
    }
    world.look().await;
}

fn prove(cases: u32, home: impl AsyncFn() -> TestHome) {
    let lived = runner(cases).run(&wishes(), |wishes| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async { live(home().await, &wishes).await });
        Ok(())
    });
    lived.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn everyone_sees_what_they_may_on_sqlite() {
    prove(16, async || TestHome::sqlite());
}

#[test]
fn everyone_sees_what_they_may_on_postgres() {
    prove(6, TestHome::postgres);
}
