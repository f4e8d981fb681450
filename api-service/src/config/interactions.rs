//! What is logged of questions and answers, for how long, and what models cost.

use service_kit::environment::{Environment, InvalidVariable, Variable};

use crate::domain::{
    analytics::{InteractionLog, Price, Prices},
    interaction::Logged,
};

pub(super) const VARIABLES: &[Variable] = &[
    Variable::plain(
        "INTERACTION_LOG",
        "full",
        "What is logged of questions and answers for analytics: `full`, `no-text` for all but \
         what was asked, or `off`.",
    ),
    Variable::plain(
        "INTERACTION_RETENTION_DAYS",
        "90",
        "How long that is kept, in days.",
    ),
    Variable::plain(
        "LLM_PRICES",
        "",
        "What models cost, in dollars a million tokens: `MODEL=PROMPT,COMPLETION`, with `;` \
         between models.",
    ),
];

/// A day in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// The longest retention, in days.
const CENTURY: i64 = 36_500;

pub(super) fn read(environment: &Environment) -> Result<InteractionLog, InvalidVariable> {
    let logged = match environment.text("INTERACTION_LOG")?.as_str() {
        "full" => Logged::Full,
        "no-text" => Logged::NoText,
        "off" => Logged::Nothing,
        _ => {
            let problem = "is `full`, `no-text` or `off`";
            return Err(InvalidVariable::new("INTERACTION_LOG", problem));
        }
    };
    let days: i64 = environment.parsed("INTERACTION_RETENTION_DAYS")?;
    if !(1..=CENTURY).contains(&days) {
        let problem = "must be between 1 and 36500";
        return Err(InvalidVariable::new("INTERACTION_RETENTION_DAYS", problem));
    }
    let models = environment.optional("LLM_PRICES")?.unwrap_or_default();
    let models = models.split(';').filter(|model| !model.trim().is_empty());
    let prices: Option<Prices> = models.map(price).collect();
    let problem = "is as in `gpt-4o-mini=0.15,0.60;qwen3=0,0`";
    Ok(InteractionLog {
        logged,
        retention: days * DAY,
        prices: prices.ok_or_else(|| InvalidVariable::new("LLM_PRICES", problem))?,
    })
}

fn price(text: &str) -> Option<(String, Price)> {
    let (model, dollars) = text.rsplit_once('=')?;
    let (prompt, completion) = dollars.split_once(',')?;
    let price = |text: &str| {
        let price: f64 = text.trim().parse().ok()?;
        (price.is_finite() && price >= 0.0).then_some(price)
    };
    let model = Some(model.trim()).filter(|model| !model.is_empty())?;
    let price = Price {
        prompt: price(prompt)?,
        completion: price(completion)?,
    };
    Some((model.to_owned(), price))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_told_model_by_model() {
        let expected = Price {
            prompt: 0.15,
            completion: 0.6,
        };
        for text in ["gpt-4o-mini=0.15,0.60", " gpt-4o-mini = 0.15 , .6 "] {
            let told = price(text);
            assert_eq!(told, Some(("gpt-4o-mini".to_owned(), expected)), "{text}");
        }
        for text in [
            "m", "m=1", "=1,2", "m=1,", "m=-1,2", "m=inf,2", "m=NaN,2", "m=1,2,3",
        ] {
            assert_eq!(price(text), None, "{text}");
        }
    }
}
