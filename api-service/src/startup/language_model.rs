//! Joins the language models.

use std::sync::Arc;

use anyhow::Result;
use service_kit::clock::{Clock, SystemClock, SystemRandomness};

use super::USER_AGENT;
use crate::{
    app::ports::Generator,
    config::LlmConfig,
    outbound::llm::{ChainSettings, Dialect, ModelChain, ModelSettings, NewClient},
};

/// The chain of models that `llm` names.
pub(super) async fn generator(llm: &LlmConfig) -> Result<Arc<dyn Generator>> {
    let connect_timeout = llm.connect_timeout;
    let client: NewClient = Box::new(move || {
        reqwest::Client::builder()
            .connect_timeout(connect_timeout)
            .user_agent(USER_AGENT)
            .build()
    });
    let models = llm.models.iter().map(|model| ModelSettings {
        provider: model.provider.to_owned(),
        dialect: match model.provider {
            "openai" => Dialect::OpenAi,
            _ => Dialect::Compatible,
        },
        base_url: model.base_url.clone(),
        api_key: model.api_key.clone(),
        model: model.model.clone(),
        window: model.window,
    });
    let settings = ChainSettings {
        models: models.collect(),
        first_token_timeout: llm.first_token_timeout,
        timeout: llm.timeout,
        at_once: llm.at_once,
        waiting: llm.waiting,
        max_output: llm.max_output,
    };
    let names: Vec<_> = llm.models.iter().map(|model| &model.model).collect();
    tracing::info!(models = ?names, "answers are generated");
    // A tokenizer is loaded, which takes its time.
    let chain = tokio::task::spawn_blocking(move || {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        ModelChain::new(settings, client, &clock, Arc::new(SystemRandomness))
    });
    Ok(Arc::new(chain.await??))
}
