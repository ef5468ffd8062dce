//! The one door: what is asked comes in, a tile goes out, from the cache where it holds, else made anew.

use std::sync::Arc;

use kernel_model::{Kind, Region};
use kernel_store::Reader;

use crate::cache::{Body, Kept, Tiles};
use crate::space::{self, Offsets};
use crate::vector;
use crate::view::{Times, View, Views};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// A vector tile.
    Vector(vector::Address),
    /// `tileset.json` of 3D Tiles.
    Tileset(Offsets),
    /// Which tiles there are below a cell of 3D Tiles.
    Subtree(space::Address, Offsets),
    /// The content of a tile of 3D Tiles.
    Content(space::Address, Offsets),
}

/// A tile of the things of one kind, at two times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Question {
    /// The kind.
    pub kind: Kind,
    /// The times.
    pub times: Times,
    /// The tile.
    pub what: What,
}

/// A tile.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Another one where the tile shows something else.
    pub tag: u64,
    /// The bytes; `None`: the asker has them.
    pub body: Option<Arc<Body>>,
}

/// Makes tiles of one store.
#[derive(Debug)]
pub struct Tiler {
    views: Views,
    tiles: Tiles,
}

impl Tiler {
    /// Tiles of what a reader shows; as many of them are kept as take `cache_bytes`.
    pub fn new(reader: Reader, cache_bytes: u64) -> Self {
        Self { views: Views::new(reader), tiles: Tiles::new(cache_bytes) }
    }

    /// The tile where it is at hand and holds: never waits.
    pub fn at_hand(&self, question: &Question, known: Option<u64>) -> Option<Answer> {
        let kept = self.tiles.get(question)?;
        let view = self.views.ready(question.times)?;
        kept.holds(view.revision).then(|| Answer::of(kept.tag, &kept.body, known))
    }

    /// The tile. `known`: the tag of what the asker has. It may take as long as making it; no bytes where there is none.
    pub fn answer(&self, question: &Question, known: Option<u64>) -> Answer {
        let view = self.views.of(question.times);
        let kept = self.tiles.get(question);
        if let Some(kept) = kept.as_ref().filter(|kept| kept.holds(view.revision)) {
            return Answer::of(kept.tag, &kept.body, known);
        }
        let still = |tag: u64| {
            let kept = kept.as_ref().filter(|kept| kept.tag == tag)?;
            kept.held(view.revision);
            Some(Answer::of(tag, &kept.body, known))
        };
        let keep = |tag: u64, bytes: Vec<u8>| {
            let body = Arc::new(Body::new(bytes));
            self.tiles.keep(*question, Arc::new(Kept::new(tag, body.clone(), view.revision)));
            Answer::of(tag, &body, known)
        };
        let has = |tag: u64| (known == Some(tag)).then_some(Answer { tag, body: None });
        match question.what {
            What::Vector(at) => {
                let selection = vector::select(&view, question.kind, at);
                let tag = selection.fingerprint;
                let make = || keep(tag, vector::encode(&view, question.kind, at, &selection));
                still(tag).or_else(|| has(tag)).unwrap_or_else(make)
            }
            What::Content(at, offsets) => {
                let content = space::content(&view, question.kind, at, offsets);
                let tag = content.fingerprint;
                let make = || keep(tag, space::glb(&view, question.kind, &content));
                still(tag).or_else(|| has(tag)).unwrap_or_else(make)
            }
            What::Subtree(at, offsets) => {
                let bytes = space::subtree(&view, question.kind, at, offsets);
                let tag = tag_of("subtree", &bytes);
                still(tag).unwrap_or_else(|| keep(tag, bytes))
            }
            What::Tileset(offsets) => {
                let bytes = space::tileset(&view, question.kind, offsets, &question.times);
                let tag = tag_of("tileset", &bytes);
                still(tag).unwrap_or_else(|| keep(tag, bytes))
            }
        }
    }

    /// How far the things of a kind reach; empty where there are none.
    pub fn reach(&self, kind: Kind, times: Times) -> Region {
        self.views.of(times).reach(kind, |_| true)
    }

    /// The city at two times.
    pub fn view(&self, times: Times) -> Arc<View> {
        self.views.of(times)
    }

    /// Bytes of tiles that are kept, about.
    pub fn cached_bytes(&self) -> u64 {
        self.tiles.held_bytes()
    }
}

fn tag_of(what: &str, bytes: &[u8]) -> u64 {
    let mut fingerprint = crate::fingerprint::Fingerprint::new(what);
    fingerprint.bytes(bytes);
    fingerprint.finish()
}

impl Answer {
    fn of(tag: u64, body: &Arc<Body>, known: Option<u64>) -> Self {
        Self { tag, body: (known != Some(tag)).then(|| body.clone()) }
    }
}
