//! What should be: who may see what, in ten lines, and what follows from what
//! people do.

use std::collections::{BTreeMap, BTreeSet};

use api_service::domain::knowledge_base::{
    Access,
    ShareRole::{self, Editor},
    Visibility::{self, Members, Private, Public},
};

use super::{Deed, Kind};

/// A user's name.
pub type Name = &'static str;

/// A knowledge base.
#[derive(Debug, Clone)]
pub struct Base {
    pub id: String,
    pub owner: Option<Name>,
    pub visibility: Visibility,
    pub shares: BTreeMap<Name, ShareRole>,
}

/// A document, which outlives its base here: then nobody may see it.
#[derive(Debug, Clone)]
pub struct Document {
    pub id: String,
    pub job: String,
    /// What its source calls it.
    pub name: String,
    pub base: String,
    pub version: u32,
    pub text: String,
    pub removed: bool,
}

/// A signed link.
#[derive(Debug, Clone)]
pub struct Link {
    pub url: String,
    pub maker: Name,
    pub document: usize,
    pub version: u32,
}

#[derive(Debug, Default)]
pub struct Model {
    pub bases: Vec<Base>,
    pub documents: Vec<Document>,
    pub links: Vec<Link>,
    pub deleted: BTreeSet<Name>,
}

impl Model {
    /// Who may see what. All else follows from it.
    pub fn access(&self, who: Name, base: &Base) -> Option<Access> {
        let owns = base.owner == Some(who);
        match base.visibility {
            _ if self.deleted.contains(who) => None,
            Public | Members if who == "admin" => Some(Access::Manager),
            Members | Private if owns => Some(Access::Manager),
            Members if base.shares.get(who) == Some(&Editor) => Some(Access::Editor),
            Public | Members => Some(Access::Reader),
            Private => base.shares.get(who).copied().map(Access::from),
        }
    }

    pub fn sees(&self, who: Name, document: &Document) -> bool {
        let base = self.bases.iter().find(|base| base.id == document.base);
        let base = base.filter(|_| !document.removed);
        base.is_some_and(|base| self.access(who, base).is_some())
    }

    /// The documents that somebody sees.
    pub fn seen_by(&self, who: Name) -> impl Iterator<Item = &Document> {
        let documents = self.documents.iter();
        documents.filter(move |document| self.sees(who, document))
    }

    /// What a link shows.
    pub fn shown_by(&self, link: &Link) -> Option<&str> {
        let document = &self.documents[link.document];
        let same = document.version == link.version;
        (same && self.sees(link.maker, document)).then_some(document.text.as_str())
    }

    /// What there is to choose from.
    pub fn choices(&self, kind: Kind) -> usize {
        match kind {
            Kind::Make | Kind::Delete => 1,
            Kind::Show | Kind::Share | Kind::Unshare | Kind::Drop | Kind::Add => self.bases.len(),
            Kind::Replace | Kind::Remove | Kind::Link => self.documents.len(),
        }
    }

    /// The knowledge base that a deed is about.
    fn base_of(&self, deed: &Deed) -> Option<&Base> {
        match deed.kind {
            Kind::Make | Kind::Delete => None,
            Kind::Replace | Kind::Remove | Kind::Link => {
                let document = &self.documents[deed.what];
                let mut bases = self.bases.iter();
                bases.find(|base| base.id == document.base && !document.removed)
            }
            _ => Some(&self.bases[deed.what]),
        }
    }

    /// Somebody who may manage what a deed is about.
    pub fn keeper(&self, deed: &Deed) -> Name {
        let base = self.base_of(deed);
        base.and_then(|base| base.owner).unwrap_or("admin")
    }

    /// With which status a deed is answered.
    pub fn expect(&self, deed: &Deed) -> u16 {
        let (needed, done) = match deed.kind {
            Kind::Make => (None, 201),
            Kind::Unshare if deed.who == deed.whom => (Some(Access::Reader), 204),
            Kind::Show | Kind::Share => (Some(Access::Manager), 200),
            Kind::Unshare | Kind::Drop => (Some(Access::Manager), 204),
            Kind::Add | Kind::Replace => (Some(Access::Editor), 202),
            Kind::Remove => (Some(Access::Editor), 204),
            Kind::Link => (Some(Access::Reader), 201),
            Kind::Delete => return 200,
        };
        let base = self.base_of(deed);
        let access = base.and_then(|base| self.access(deed.who, base));
        let publishes = matches!(deed.kind, Kind::Make | Kind::Show) && deed.visibility == Public;
        let shared = base.is_some_and(|base| base.shares.contains_key(deed.whom));
        match deed.kind {
            _ if self.deleted.contains(deed.who) => 401,
            _ if needed.is_some() && access.is_none() => 404,
            _ if access < needed => 403,
            _ if publishes && deed.who != "admin" => 403,
            Kind::Share if self.deleted.contains(deed.whom) => 404,
            Kind::Unshare if !shared => 404,
            _ => done,
        }
    }

    /// What follows from a deed that was done, but for what is new by it.
    pub fn follow(&mut self, deed: &Deed) {
        let who = deed.who;
        match deed.kind {
            Kind::Show => {
                let base = &mut self.bases[deed.what];
                if deed.visibility == Public {
                    base.owner = None;
                    base.shares.clear();
                } else if base.visibility == Public {
                    base.owner = Some(who);
                }
                base.visibility = deed.visibility;
            }
            Kind::Share => {
                self.bases[deed.what].shares.insert(deed.whom, deed.role);
            }
            Kind::Unshare => {
                self.bases[deed.what].shares.remove(deed.whom);
            }
            Kind::Drop => {
                self.bases.remove(deed.what);
            }
            Kind::Replace => {
                let document = &mut self.documents[deed.what];
                document.version += 1;
                document.text.clone_from(&deed.text);
            }
            Kind::Remove => self.documents[deed.what].removed = true,
            Kind::Delete => {
                self.deleted.insert(who);
                self.bases.retain(|base| base.owner != Some(who));
                for base in &mut self.bases {
                    base.shares.remove(who);
                }
            }
            Kind::Make | Kind::Add | Kind::Link => {}
        }
    }
}
