//! all-MiniLM-L6-v2 in this process, on a pure-Rust ONNX runtime.
//!
//! Texts run one by one, several at once: a batch would pad all to the longest
//! one. Questions have threads of their own, so that they wait neither for a
//! document that comes in nor for the citations of other answers.

mod lane;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, op_registry};
use serde::Deserialize;
use tokenizers::{Tokenizer, TruncationParams};

use self::lane::Lane;
use crate::{
    app::ports::{DenseEmbedder, EmbeddingError},
    domain::embedding_model::ModelOrigin,
};

/// The folder of the model below `models/`, and its name.
pub const NAME: &str = "all-MiniLM-L6-v2";

/// The tokens that the model adds to each text: its beginning and its end.
const ADDED_TOKENS: usize = 2;

/// Threads for questions, for each one for documents. Where all cores are busy, each
/// thread has its share of them, and somebody waits for a question.
const QUESTIONS: usize = 2;

/// Why the model can't be used. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It was not fetched yet.
    #[error("the embedding model is not in {0}; run `make model` to fetch it")]
    Missing(PathBuf),
    /// Its files are damaged, or not those of the manifest.
    #[error("the embedding model in {0} is damaged ({1}); run `make model` again")]
    Damaged(PathBuf, String),
    /// The machine gives no more threads.
    #[error("there are no threads for the embedding model; raise the limit of threads")]
    NoThreads(#[from] io::Error),
}

/// The model.
pub struct MiniLm {
    network: Arc<Network>,
    fingerprint: String,
    dimensions: usize,
    max_tokens: usize,
    passages: Lane,
    sentences: Lane,
    questions: Lane,
}

struct Network {
    model: Model,
    tokenizer: Tokenizer,
    input_ids: NodeId,
    attention_mask: NodeId,
    output: NodeId,
}

#[derive(Deserialize)]
struct Manifest {
    dimensions: usize,
    max_tokens: usize,
    files: std::collections::BTreeMap<String, ManifestFile>,
}

#[derive(Deserialize)]
struct ManifestFile {
    sha256: String,
    bytes: u64,
}

impl MiniLm {
    /// Loads the model from `models`, to run on up to `threads` threads for
    /// documents, and on others for questions.
    pub fn load(models: &Path, threads: usize) -> Result<Self, LoadError> {
        let folder = models.join(NAME);
        let damaged =
            |why: &dyn std::fmt::Display| LoadError::Damaged(folder.clone(), why.to_string());
        let manifest = fs::read(folder.join("manifest.json"))
            .map_err(|_| LoadError::Missing(folder.clone()))?;
        let manifest: Manifest =
            serde_json::from_slice(&manifest).map_err(|error| damaged(&error))?;
        for (name, file) in &manifest.files {
            let size = fs::metadata(folder.join(name))
                .map_err(|error| damaged(&error))?
                .len();
            if size != file.bytes {
                return Err(damaged(&format!("{name} has another size")));
            }
        }
        let weights = manifest
            .files
            .get("model.onnx")
            .ok_or_else(|| damaged(&"no model.onnx"))?;
        let fingerprint = format!("minilm-{}", weights.sha256.get(..12).unwrap_or_default());
        let network = Network::load(&folder, manifest.max_tokens).map_err(|why| damaged(&why))?;
        let threads = threads.max(1);
        Ok(Self {
            network: Arc::new(network),
            fingerprint,
            dimensions: manifest.dimensions,
            max_tokens: manifest.max_tokens - ADDED_TOKENS,
            passages: Lane::new(threads)?,
            sentences: Lane::new(threads)?,
            questions: Lane::new(QUESTIONS * threads)?,
        })
    }

    async fn embed(
        &self,
        lane: &Lane,
        texts: Vec<String>,
    ) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let each = texts.into_iter().map(|text| self.embed_one(lane, text));
        stream::iter(each)
            .buffered(lane.width())
            .try_collect()
            .await
    }

    async fn embed_one(&self, lane: &Lane, text: String) -> Result<Vec<f32>, EmbeddingError> {
        let network = Arc::clone(&self.network);
        let done = lane.run(move |pool| network.run(&text, pool)).await;
        done.map_err(|error| EmbeddingError::Failed(Box::new(error)))?
            .map_err(|why| EmbeddingError::Failed(why.into()))
    }
}

impl Network {
    fn load(folder: &Path, max_tokens: usize) -> Result<Self, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        // Those of this model alone: the others would make the program larger.
        let operators = op_registry!(
            Add,
            Cast,
            DequantizeLinear,
            Div,
            DynamicQuantizeLinear,
            Erf,
            Gather,
            LayerNormalization,
            MatMul,
            MatMulInteger,
            Max,
            Mul,
            ReduceL2,
            ReduceSum,
            Reshape,
            Shape,
            Slice,
            Softmax,
            Sub,
            Transpose,
            Unsqueeze
        );
        let mut options = ModelOptions::with_ops(operators);
        let model = options
            // Else each question pays for bringing all weights into shape.
            .prepack_weights(true)
            .load_file(folder.join("model.onnx"))
            .map_err(|error| text(&error))?;
        let mut tokenizer =
            Tokenizer::from_file(folder.join("tokenizer.json")).map_err(|error| text(&error))?;
        let truncation = TruncationParams {
            max_length: max_tokens,
            ..TruncationParams::default()
        };
        tokenizer
            .with_truncation(Some(truncation))
            .map_err(|error| text(&error))?;
        tokenizer.with_padding(None);
        let node = |name: &str| model.node_id(name).map_err(|error| text(&error));
        Ok(Self {
            input_ids: node("input_ids")?,
            attention_mask: node("attention_mask")?,
            output: node("sentence_embedding")?,
            model,
            tokenizer,
        })
    }

    fn run(&self, text: &str, pool: &Arc<ThreadPool>) -> Result<Vec<f32>, String> {
        let encoding = self
            .tokenizer
            .encode_fast(text, true)
            .map_err(|error| error.to_string())?;
        let ids: Vec<i32> = encoding
            .get_ids()
            .iter()
            .map(|id| i32::try_from(*id).map_err(|error| error.to_string()))
            .collect::<Result<_, _>>()?;
        let shape = [1, ids.len()];
        let mask = vec![1_i32; ids.len()];
        let value = |data: Vec<i32>| {
            Value::from_shape(shape, data).map_err(|_| "a tensor's shape is wrong".to_owned())
        };
        let inputs = vec![
            (self.input_ids, value(ids)?.into()),
            (self.attention_mask, value(mask)?.into()),
        ];
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(pool)));
        let [output] = self
            .model
            .run_n(inputs, [self.output], Some(options))
            .map_err(|error| error.to_string())?;
        let (_, mut values) = output
            .into_shape_vec::<f32, 2>()
            .map_err(|_| "the model's answer has another shape".to_owned())?;
        // It stands at the beginning of a buffer of the run, 300 KiB for a long
        // text: a document's vectors would hold as many of them.
        values.shrink_to_fit();
        Ok(values)
    }
}

#[async_trait]
impl DenseEmbedder for MiniLm {
    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn origin(&self) -> ModelOrigin {
        ModelOrigin::default()
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    fn count_tokens(&self, text: &str) -> usize {
        let counted = self.network.tokenizer.encode_fast(text, false);
        counted.map_or(0, |encoding| {
            let beyond: usize = encoding
                .get_overflowing()
                .iter()
                .map(tokenizers::Encoding::len)
                .sum();
            encoding.len() + beyond
        })
    }

    async fn embed_passages(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        self.embed(&self.passages, texts).await
    }

    async fn embed_question(&self, text: String) -> Result<Vec<f32>, EmbeddingError> {
        self.embed_one(&self.questions, text).await
    }

    async fn embed_sentences(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        self.embed(&self.sentences, texts).await
    }
}
