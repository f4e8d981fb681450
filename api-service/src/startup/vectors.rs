//! Which embedding models and indexes there are at a start.

use std::{fs::File, sync::Arc};

use anyhow::{Result, bail};
use secrecy::SecretString;
use service_kit::{
    clock::{Clock, SystemClock},
    exit::Unavailable,
};

use super::Parts;
use crate::{
    app::{
        ports::{DenseEmbedder, EmbeddingStore, VectorIndex},
        vector_spaces::{VectorSpace, VectorSpaces},
    },
    config::{Config, EmbeddingConfig, RemoteEmbeddingConfig},
    domain::embedding_model::{EmbeddingModel, ModelState, ModelStatus},
    outbound::{
        bm25::Bm25,
        edge::{EdgeFolder, OpenError, lock},
        embedding::{
            absent::AbsentEmbedder,
            minilm::MiniLm,
            remembering::Remembering,
            remote::{Dialect, RemoteEmbedder, RemoteSettings},
        },
        qdrant::{QdrantAddress, QdrantIndex},
        sql::SqlStore,
    },
};

/// Requests to a provider at once.
const AT_ONCE: usize = 4;

/// The spaces, and whether this process is the only one that has them.
pub struct OpenedSpaces {
    /// The spaces.
    pub spaces: VectorSpaces,
    /// Whether no other process can have them open.
    pub alone: bool,
}

/// Passages that the mean length is taken of: a chunk's id is a hash, so that
/// the first ones are a sample. Fewer than the least tell nothing.
const SAMPLE: usize = 1_000;
const LEAST_SAMPLE: usize = 100;

/// BM25 for the corpus as it is at the start.
pub(super) async fn sparse(store: &SqlStore) -> Result<Bm25> {
    let models = store.models().await?;
    let active = models
        .into_iter()
        .find(|status| status.state == ModelState::Active);
    let Some(ModelStatus { model, .. }) = active else {
        return Ok(Bm25::new()?);
    };
    let ids = store
        .embedded_ids(&model.fingerprint, None, "", SAMPLE)
        .await?;
    if ids.len() < LEAST_SAMPLE {
        return Ok(Bm25::new()?);
    }
    let stored = store.points(&model.fingerprint, &ids).await?.into_iter();
    let passages: Vec<_> = stored.map(|point| (point.text, point.language)).collect();
    Ok(tokio::task::spawn_blocking(move || Bm25::for_corpus(&passages)).await??)
}

/// The model that is configured, which remembers questions.
pub(super) async fn configured(
    config: &Config,
    store: &SqlStore,
    client: &reqwest::Client,
) -> Result<Arc<dyn DenseEmbedder>> {
    let model = model(config, store, client).await?;
    Ok(Arc::new(Remembering::new(model)))
}

async fn model(
    config: &Config,
    store: &SqlStore,
    client: &reqwest::Client,
) -> Result<Arc<dyn DenseEmbedder>> {
    let Some(remote) = &config.embedding.remote else {
        let local = local(config).await.map_err(|error| {
            Unavailable::because(
                "answers need an embedding model, here or at a provider",
                error,
            )
        });
        return Ok(local?);
    };
    let models = store.models().await?;
    let is_it = |model: &EmbeddingModel| {
        model.origin.provider == remote.provider && model.origin.model == remote.model
    };
    let known = models.iter().find(|status| is_it(&status.model));
    let known = known.map(|status| status.model.dimensions);
    let model = RemoteEmbedder::connect(settings(remote), client.clone(), clock(), known).await;
    Ok(Arc::new(model.map_err(|error| {
        let (model, provider) = (&remote.model, remote.provider);
        let message = format!("the embedding model {model} of {provider} can't be used");
        Unavailable::because(message, error)
    })?))
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

async fn local(config: &Config) -> Result<Arc<MiniLm>> {
    let models = config.models_dir.clone();
    let threads = config.embedding_threads;
    let model = tokio::task::spawn_blocking(move || MiniLm::load(&models, threads)).await??;
    Ok(Arc::new(model))
}

fn settings(remote: &RemoteEmbeddingConfig) -> RemoteSettings {
    RemoteSettings {
        dialect: dialect(remote.provider),
        provider: remote.provider.to_owned(),
        base_url: remote.base_url.clone(),
        api_key: remote.api_key.clone(),
        model: remote.model.clone(),
        dimensions: remote.dimensions,
        batch: remote.batch,
        at_once: AT_ONCE,
    }
}

fn dialect(provider: &str) -> Dialect {
    match provider {
        "cohere" => Dialect::Cohere,
        _ => Dialect::OpenAi,
    }
}

/// Opens the indexes; `None` where another process of this machine has them.
pub async fn spaces(config: &Config, parts: &Parts) -> Result<Option<OpenedSpaces>> {
    let Some(indexes) = Indexes::take(config)? else {
        return Ok(None);
    };
    let store = SqlStore::new(parts.database.clone());
    let (wanted, now) = (parts.dense.model(), SystemClock.now());
    let mut active = store.active_or(&wanted, now).await?;
    // Where there is nothing to embed anew, the change is made at once.
    if active.fingerprint != wanted.fingerprint
        && store.claim_model(&wanted, "start", now, now).await?
        && store.activate(&wanted.fingerprint, now).await?
    {
        active = wanted.clone();
    }
    let own = VectorSpace {
        dense: parts.dense.clone(),
        index: Some(indexes.open(&wanted).await?),
    };
    let alone = indexes.are_alone();
    if active.fingerprint == wanted.fingerprint {
        let spaces = VectorSpaces::new(own, None);
        return Ok(Some(OpenedSpaces { spaces, alone }));
    }
    tracing::warn!(
        active = active.fingerprint,
        configured = wanted.fingerprint,
        "the index holds vectors of another embedding model: documents are embedded anew in the \
         background, and answers come from the old vectors until that is done"
    );
    let former = VectorSpace {
        dense: former(config, parts, &active).await,
        index: Some(indexes.open(&active).await?),
    };
    let spaces = VectorSpaces::new(former, Some(own));
    Ok(Some(OpenedSpaces { spaces, alone }))
}

/// The model that the index was filled by. Where it can't be asked any more,
/// questions go by words alone until the change is made.
async fn former(config: &Config, parts: &Parts, model: &EmbeddingModel) -> Arc<dyn DenseEmbedder> {
    let found = match model.origin.provider.as_str() {
        "" => local(config)
            .await
            .map(|model| model as Arc<dyn DenseEmbedder>),
        _ => remote(config, parts, model).await,
    };
    match found {
        Ok(found) if found.fingerprint() == model.fingerprint => return found,
        Ok(_) => tracing::warn!(model = model.fingerprint, "the former model has changed"),
        Err(error) => {
            let error: &dyn std::error::Error = error.as_ref();
            tracing::warn!(
                error,
                model = model.fingerprint,
                "the former model can't be asked"
            );
        }
    }
    tracing::warn!("until documents are embedded anew, what is asked is found by words alone");
    Arc::new(AbsentEmbedder(model.clone()))
}

async fn remote(
    config: &Config,
    parts: &Parts,
    model: &EmbeddingModel,
) -> Result<Arc<dyn DenseEmbedder>> {
    let of_provider = |dimensions: Option<usize>| RemoteSettings {
        dialect: dialect(&model.origin.provider),
        provider: model.origin.provider.clone(),
        base_url: model.origin.base_url.clone(),
        api_key: key(&config.embedding, &model.origin.provider),
        model: model.origin.model.clone(),
        dimensions,
        batch: 32,
        at_once: AT_ONCE,
    };
    let connect = |dimensions| {
        let settings = of_provider(dimensions);
        RemoteEmbedder::connect(settings, parts.client.clone(), clock(), None)
    };
    let as_it_is = connect(None).await?;
    if as_it_is.dimensions() == model.dimensions {
        return Ok(Arc::new(as_it_is));
    }
    // Its vectors were asked for with fewer values than it makes by itself.
    Ok(Arc::new(connect(Some(model.dimensions)).await?))
}

fn key(config: &EmbeddingConfig, provider: &str) -> Option<SecretString> {
    let own = config.remote.as_ref();
    let own = own.filter(|remote| remote.provider == provider);
    if let Some(remote) = own {
        return remote.api_key.clone();
    }
    let known = config.keys.iter().find(|(of, _)| *of == provider);
    known.map(|(_, key)| key.clone())
}

/// Where indexes are, one for each model.
enum Indexes {
    Edge { folder: EdgeFolder, threads: usize },
    Qdrant(QdrantAddress),
}

impl Indexes {
    /// `None` where another process of this machine has them.
    fn take(config: &Config) -> Result<Option<Self>> {
        if let Some(server) = &config.qdrant {
            return Ok(Some(Self::Qdrant(QdrantAddress {
                url: server.url.clone(),
                api_key: server.api_key.clone(),
            })));
        }
        let threads = config.embedding_threads;
        match EdgeFolder::take(&config.data_dir.join("index")) {
            Ok(folder) => Ok(Some(Self::Edge { folder, threads })),
            Err(OpenError::Taken) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    const fn are_alone(&self) -> bool {
        matches!(self, Self::Edge { .. })
    }

    async fn open(&self, model: &EmbeddingModel) -> Result<Arc<dyn VectorIndex>> {
        match self {
            Self::Edge { folder, threads } => {
                let (folder, threads, model) = (folder.clone(), *threads, model.clone());
                let opening = tokio::task::spawn_blocking(move || {
                    folder.open(&model.fingerprint, model.dimensions, threads)
                });
                Ok(Arc::new(opening.await??))
            }
            Self::Qdrant(address) => {
                let index = QdrantIndex::open(address, &model.fingerprint, model.dimensions);
                Ok(Arc::new(index.await.map_err(|error| {
                    Unavailable::because("the Qdrant server at QDRANT_URL can't be used", error)
                })?))
            }
        }
    }

    async fn remove(&self, fingerprint: &str) -> Result<bool> {
        Ok(match self {
            Self::Edge { folder, .. } => folder.remove(fingerprint)?,
            Self::Qdrant(address) => QdrantIndex::remove(address, fingerprint).await?,
        })
    }
}

/// Makes this the only service that has the index of its `DATA_DIR`, for as
/// long as the file is open; commands wait for each other instead. A Qdrant
/// server is shared.
pub(super) fn only_service(config: &Config) -> Result<Option<File>> {
    if config.qdrant.is_some() {
        return Ok(None);
    }
    let folder = config.data_dir.join("index");
    match lock(&folder, "service") {
        Ok(lock) => Ok(Some(lock)),
        Err(OpenError::Taken) => Err(Unavailable::new(format!(
            "another api-service has the index in {} open; give this one a DATA_DIR of its own, \
             or both the same Qdrant server (QDRANT_URL)",
            folder.display()
        ))
        .into()),
        Err(error) => Err(error.into()),
    }
}

/// Removes a model that answers do not come from, with its embeddings and its
/// index; `false` where there is none.
pub async fn forget_model(config: &Config, fingerprint: &str) -> Result<bool> {
    let Some(indexes) = Indexes::take(config)? else {
        bail!("another process has the index open; stop it first");
    };
    let store = SqlStore::new(super::migrated_database(config).await?);
    if !store.forget_model(fingerprint).await? {
        return Ok(false);
    }
    indexes.remove(fingerprint).await?;
    Ok(true)
}
