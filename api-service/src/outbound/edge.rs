//! The vector index inside this process: Qdrant's engine without its server.
//!
//! The engine (0.7) does not replay its log: what counts as written is what
//! was flushed, and a flush must not run beside an update. One lock around
//! both, and a flush before every write returns, make both hold.

use std::{
    collections::HashMap,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use qdrant_edge::{
    AnyVariants, Condition, CountRequest, CreateIndex, Distance, EdgeConfig, EdgeShard,
    EdgeSparseVectorParams, EdgeVectorParams, FieldCondition, FieldIndexOperations, Filter,
    Fusion as EdgeFusion, Match, Modifier, NamedQuery, OperationError, PayloadFieldSchema,
    PayloadSchemaType, PointId, PointInsertOperations, PointOperations, PointStruct, Prefetch,
    QueryEnum, QueryRequest, Range, ScoringQuery, ScrollRequest, UpdateOperation, Vector,
    VectorInternal, VectorStorageDatatype, Vectors, WithPayloadInterface, WithVector,
    external::{ordered_float::OrderedFloat, serde_json::json, uuid::Uuid},
};

use super::{
    points::{BASE, DENSE, DOCUMENT, PREFETCH, SPARSE, VERSION},
    threads::BoundedThreads,
};
use crate::{
    app::ports::{IndexError, VectorIndex},
    domain::{
        chunk::ChunkId,
        document::DocumentId,
        index::{Fusion, Hit, IndexPoint, IndexQuery, Mode},
        knowledge_base::KnowledgeBaseId,
        principal::SearchScope,
    },
};

/// The in-process index for the vectors of one model.
pub struct EdgeIndex {
    shard: Arc<Shard>,
    searches: BoundedThreads,
    writes: BoundedThreads,
}

struct Shard {
    engine: EdgeShard,
    writing: Mutex<()>,
    /// Points that were written since the engine last built its graph.
    unsettled: AtomicUsize,
    /// Held as long as the index is open.
    _lock: Arc<File>,
}

/// Why the index can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("another process has the index open")]
    Taken,
    /// Its folder can't be used.
    #[error("the index's folder, DATA_DIR/index, can't be used")]
    Folder(#[from] io::Error),
    /// The engine can't load what is there.
    #[error("the index can't be loaded")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Fewer points than this are searched one by one as fast as by a graph.
const UNSETTLED: usize = 10_000;

/// Takes the file `name` in the folder of indexes, which is made where it is
/// missing, until the file is closed.
pub fn lock(folder: &Path, name: &str) -> Result<File, OpenError> {
    fs::create_dir_all(folder)?;
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(name))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::Taken),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// The folder of indexes, one for each model, which is this process's alone.
#[derive(Debug, Clone)]
pub struct EdgeFolder {
    path: PathBuf,
    /// Held as long as the folder or an index in it is open.
    lock: Arc<File>,
}

impl EdgeFolder {
    /// Takes the folder, making it where it is missing.
    pub fn take(path: &Path) -> Result<Self, OpenError> {
        Ok(Self {
            path: path.to_owned(),
            lock: Arc::new(lock(path, "lock")?),
        })
    }

    /// Removes the index for vectors of this model; `false` where there is none.
    /// It must not be open.
    pub fn remove(&self, fingerprint: &str) -> Result<bool, OpenError> {
        match fs::remove_dir_all(self.path.join(fingerprint)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the index for vectors of this model, making it where it is
    /// missing. What can't be loaded is set aside and begun anew: the index is
    /// derived, and filled again from the database.
    pub fn open(
        &self,
        fingerprint: &str,
        dimensions: usize,
        threads: usize,
    ) -> Result<EdgeIndex, OpenError> {
        let engine = load_or_new(&self.path.join(fingerprint), dimensions)?;
        // A start does not know what was written before.
        let unsettled = points(&engine).map_err(engine_error)?;
        let shard = Shard {
            engine,
            writing: Mutex::new(()),
            unsettled: AtomicUsize::new(unsettled),
            _lock: Arc::clone(&self.lock),
        };
        Ok(EdgeIndex {
            shard: Arc::new(shard),
            searches: BoundedThreads::new(threads),
            writes: BoundedThreads::new(1),
        })
    }
}

impl EdgeIndex {
    async fn write(&self, operation: UpdateOperation) -> Result<(), IndexError> {
        let shard = Arc::clone(&self.shard);
        let written = self.writes.run(move || shard.write(operation)).await;
        written.map_err(failed)?.map_err(failed)
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&EdgeShard) -> Result<T, OperationError> + Send + 'static,
    ) -> Result<T, IndexError> {
        let shard = Arc::clone(&self.shard);
        let done = self.searches.run(move || read(&shard.engine)).await;
        done.map_err(failed)?.map_err(failed)
    }
}

impl Shard {
    fn write(&self, operation: UpdateOperation) -> Result<(), OperationError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.engine.update(operation)?;
        self.engine.flush();
        Ok(())
    }
}

impl Shard {
    fn settle(&self) -> Result<(), OperationError> {
        // Most calls end here: the index is asked nothing while it is idle.
        let unsettled = self.unsettled.load(Ordering::Relaxed);
        if unsettled < UNSETTLED {
            return Ok(());
        }
        let count = points(&self.engine)?;
        if count < UNSETTLED || unsettled < count / 10 {
            return Ok(());
        }
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.engine.optimize()?;
        self.engine.flush();
        self.unsettled.fetch_sub(unsettled, Ordering::Relaxed);
        Ok(())
    }
}

/// About how many points there are.
fn points(engine: &EdgeShard) -> Result<usize, OperationError> {
    engine.count(CountRequest {
        filter: None,
        exact: false,
    })
}

fn load_or_new(path: &Path, dimensions: usize) -> Result<EdgeShard, OpenError> {
    // A crash may leave a folder without the file that the engine wants first.
    if fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) {
        match EdgeShard::load(path, None) {
            Ok(shard) => return Ok(shard),
            Err(error) => {
                tracing::warn!(%error, "the index can't be loaded; it is built anew");
                set_aside(path)?;
            }
        }
    }
    fs::create_dir_all(path)?;
    let engine = EdgeShard::new(path, config(dimensions)).map_err(engine_error)?;
    for (field, kind) in [
        (BASE, PayloadSchemaType::Keyword),
        (DOCUMENT, PayloadSchemaType::Keyword),
        (VERSION, PayloadSchemaType::Integer),
    ] {
        let index = CreateIndex {
            field_name: field
                .parse()
                .map_err(|()| OpenError::Engine("a field's name".into()))?,
            field_schema: Some(PayloadFieldSchema::FieldType(kind)),
        };
        let operation = FieldIndexOperations::CreateIndex(index);
        engine
            .update(UpdateOperation::FieldIndexOperation(operation))
            .map_err(engine_error)?;
    }
    engine.flush();
    Ok(engine)
}

fn set_aside(path: &Path) -> io::Result<()> {
    let aside = PathBuf::from(format!("{}.broken", path.display()));
    if aside.exists() {
        fs::remove_dir_all(&aside)?;
    }
    fs::rename(path, aside)
}

fn config(dimensions: usize) -> EdgeConfig {
    EdgeConfig {
        vectors: HashMap::from([(
            DENSE.to_owned(),
            EdgeVectorParams {
                // Half the memory of what models make.
                datatype: Some(VectorStorageDatatype::Float16),
                ..EdgeVectorParams::builder(dimensions, Distance::Cosine).build()
            },
        )]),
        sparse_vectors: HashMap::from([(
            SPARSE.to_owned(),
            EdgeSparseVectorParams {
                full_scan_threshold: None,
                on_disk: Some(true),
                modifier: Some(Modifier::Idf),
                datatype: None,
            },
        )]),
        ..EdgeConfig::default()
    }
}

#[async_trait]
impl VectorIndex for EdgeIndex {
    async fn upsert(&self, points: Vec<IndexPoint>) -> Result<(), IndexError> {
        if points.is_empty() {
            return Ok(());
        }
        let points = points
            .into_iter()
            .map(point)
            .collect::<Result<Vec<_>, _>>()?;
        let count = points.len();
        self.shard.unsettled.fetch_add(count, Ordering::Relaxed);
        let list = PointInsertOperations::PointsList(points);
        self.write(UpdateOperation::PointOperation(
            PointOperations::UpsertPoints(list),
        ))
        .await
    }

    async fn delete_versions(
        &self,
        document: &DocumentId,
        upto_version: i64,
    ) -> Result<(), IndexError> {
        let filter = Filter {
            must: Some(vec![
                keyword(DOCUMENT, vec![document.0.clone()])?,
                up_to(VERSION, upto_version)?,
            ]),
            ..Filter::default()
        };
        let delete = PointOperations::DeletePointsByFilter(filter);
        self.write(UpdateOperation::PointOperation(delete)).await
    }

    async fn delete(&self, ids: &[ChunkId]) -> Result<(), IndexError> {
        if ids.is_empty() {
            return Ok(());
        }
        let ids = ids.iter().map(point_id).collect::<Result<Vec<_>, _>>()?;
        let delete = PointOperations::DeletePoints { ids };
        self.write(UpdateOperation::PointOperation(delete)).await
    }

    async fn delete_base(&self, base: &KnowledgeBaseId) -> Result<(), IndexError> {
        let filter = Filter {
            must: Some(vec![keyword(BASE, vec![base.0.clone()])?]),
            ..Filter::default()
        };
        let delete = PointOperations::DeletePointsByFilter(filter);
        self.write(UpdateOperation::PointOperation(delete)).await
    }

    async fn settle(&self) -> Result<(), IndexError> {
        let shard = Arc::clone(&self.shard);
        let settled = self.writes.run(move || shard.settle()).await;
        settled.map_err(failed)?.map_err(failed)
    }

    async fn search(&self, query: IndexQuery, scope: &SearchScope) -> Result<Vec<Hit>, IndexError> {
        if scope.is_empty() {
            return Ok(vec![]);
        }
        let bases = scope.bases().iter().map(|base| base.0.clone()).collect();
        let mut must = vec![keyword(BASE, bases)?];
        if let Some(documents) = scope.documents() {
            let documents = documents.iter().map(|document| document.0.clone());
            must.push(keyword(DOCUMENT, documents.collect())?);
        }
        let filter = Filter {
            must: Some(must),
            ..Filter::default()
        };
        let request = request(query, filter)?;
        let found = self.read(move |engine| engine.query(request)).await?;
        Ok(found
            .into_iter()
            .map(|point| Hit {
                chunk_id: ChunkId(point.id.to_string()),
                score: f64::from(point.score),
            })
            .collect())
    }

    async fn count(&self) -> Result<u64, IndexError> {
        let request = CountRequest {
            filter: None,
            exact: true,
        };
        let count = self.read(move |engine| engine.count(request)).await?;
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }

    async fn ids(&self, after: Option<&ChunkId>, limit: usize) -> Result<Vec<ChunkId>, IndexError> {
        let after = after.map(point_id).transpose()?;
        let request = ScrollRequest {
            // The engine begins at the offset, not after it.
            offset: after,
            limit: Some(limit + 1),
            filter: None,
            with_payload: Some(WithPayloadInterface::Bool(false)),
            with_vector: WithVector::Bool(false),
            order_by: None,
        };
        let (records, _) = self.read(move |engine| engine.scroll(request)).await?;
        let ids = records.into_iter().map(|record| record.id);
        let ids = ids.filter(|id| Some(*id) != after).take(limit);
        Ok(ids.map(|id| ChunkId(id.to_string())).collect())
    }

    async fn is_up(&self) -> bool {
        self.count().await.is_ok()
    }
}

fn point(point: IndexPoint) -> Result<qdrant_edge::PointStructPersisted, IndexError> {
    let sparse = Vector::new_sparse(point.sparse.indices, point.sparse.values).map_err(failed)?;
    let vectors = Vectors::new_named([(DENSE, Vector::new_dense(point.dense)), (SPARSE, sparse)]);
    let payload = json!({
        BASE: point.knowledge_base_id.0,
        DOCUMENT: point.document_id.0,
        VERSION: point.version,
    });
    Ok(PointStruct::new(point_id(&point.chunk_id)?, vectors, payload).into())
}

fn request(query: IndexQuery, filter: Filter) -> Result<QueryRequest, IndexError> {
    let dense = VectorInternal::Dense(query.dense);
    let dense = ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery::new(dense, DENSE)));
    let sparse = Vector::new_sparse(query.sparse.indices, query.sparse.values).map_err(failed)?;
    let sparse = ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery::new(sparse.0, SPARSE)));
    let prefetch = |side: ScoringQuery| Prefetch {
        prefetches: vec![],
        query: Some(side),
        limit: query.limit * PREFETCH,
        params: None,
        filter: Some(filter.clone()),
        score_threshold: None,
    };
    let (prefetches, scoring) = match query.mode {
        Mode::Dense => (vec![], dense),
        Mode::Sparse => (vec![], sparse),
        Mode::Hybrid(fusion) => (
            vec![prefetch(dense), prefetch(sparse)],
            ScoringQuery::Fusion(engine_fusion(fusion)),
        ),
    };
    Ok(QueryRequest {
        filter: prefetches.is_empty().then_some(filter),
        prefetches,
        query: Some(scoring),
        score_threshold: None,
        limit: query.limit,
        offset: 0,
        params: None,
        with_vector: WithVector::Bool(false),
        with_payload: WithPayloadInterface::Bool(false),
    })
}

fn engine_fusion(fusion: Fusion) -> EdgeFusion {
    match fusion {
        Fusion::Rrf(k) => EdgeFusion::Rrf {
            k: k as usize,
            weights: None,
        },
        Fusion::Dbsf => EdgeFusion::Dbsf,
    }
}

fn keyword(field: &str, values: Vec<String>) -> Result<Condition, IndexError> {
    let key = field.parse().map_err(|()| bad_field())?;
    let any = AnyVariants::Strings(values.into_iter().collect());
    Ok(Condition::Field(FieldCondition::new_match(
        key,
        Match::new_any(any),
    )))
}

fn up_to(field: &str, version: i64) -> Result<Condition, IndexError> {
    let key = field.parse().map_err(|()| bad_field())?;
    #[expect(clippy::cast_precision_loss, reason = "versions are small")]
    let lte = Some(OrderedFloat(version as f64));
    let range = Range {
        lt: None,
        gt: None,
        gte: None,
        lte,
    };
    Ok(Condition::Field(FieldCondition::new_range(key, range)))
}

fn point_id(id: &ChunkId) -> Result<PointId, IndexError> {
    Uuid::parse_str(&id.0).map(PointId::Uuid).map_err(failed)
}

fn bad_field() -> IndexError {
    IndexError("a payload field's name can't be read".into())
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> IndexError {
    IndexError(Box::new(error))
}

fn engine_error(error: OperationError) -> OpenError {
    OpenError::Engine(Box::new(error))
}
