//! Searches for a part of some statements that lies outside of all others, in one interpretation.

use super::context::{Context, Solver};
use super::interpretation::Interpretation;
use super::request::Request;
use super::statement::{Statement, Statements};
use super::table::{Numbers, Table, common};
use crate::engine::access::change::Undecided;
use crate::engine::access::glob;
use crate::engine::access::step_limit::StepLimit;
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

/// The steps of taking one pattern into a table.
const TABLE_STEPS: usize = 8;

/// The question: what does `more` treat better than `less`?
pub struct Search<'s, 'a> {
    pub more: &'s Statements<'a>,
    pub less: &'s Statements<'a>,
    pub interpretation: Interpretation,
    /// A letter that no pattern of both has.
    pub letter: char,
    pub steps: &'s StepLimit,
}

/// A part that was found, as an action and a resource pattern with the values of the condition keys.
pub struct Hit {
    pub action: String,
    pub resource: String,
    pub context: Context,
}

impl Hit {
    /// Returns requests of this part, the most natural first. The last one is inside for certain.
    pub fn requests(&self, product: &str, letter: char) -> impl Iterator<Item = Request> {
        let plain = |pattern: &str| glob::fill(pattern, &letter.to_string());
        let mut actions = vec![plain(&self.action)];
        if glob::is_everything(&self.action) {
            actions.splice(0..0, [format!("View/{letter}"), format!("Change/{letter}")]);
        } else if self.action.ends_with("View*") || self.action.ends_with("Change*") {
            actions.insert(0, glob::fill(&self.action, &format!("/{letter}")));
        }
        let mut resources = vec![plain(&self.resource)];
        if self.resource == "*" {
            resources.insert(0, format!("nrn:PUB:{product}:KR:{letter}:{letter}"));
        }
        let pairs = resources
            .into_iter()
            .flat_map(move |resource| actions.clone().into_iter().map(move |action| (action, resource.clone())));
        let (product, context) = (product.to_owned(), self.context.clone());
        pairs.map(move |(action, resource)| Request {
            product: product.clone(),
            action,
            resource,
            context: context.clone(),
        })
    }
}

impl<'s, 'a> Search<'s, 'a> {
    /// Finds what `more` allows and `less` does not, or what `less` denies and `more` does not.
    pub fn run(&self) -> Result<Option<Hit>, Undecided> {
        let of = |statements: &'s Statements<'a>, denies| statements.iter().filter(move |s| s.denies == denies);
        let beyond = |some: &'s Statements<'a>, others: &'s Statements<'a>, denies| {
            of(some, denies).filter(|statement| !others.contains(*statement)).collect::<Vec<_>>()
        };
        let denied: Vec<_> = of(self.more, true).collect();
        let refused = denied.iter().copied().chain(of(self.less, false)).collect();
        let allowed = self.outside(&beyond(self.more, self.less, false), refused);
        match allowed {
            Ok(Some(hit)) => Ok(Some(hit)),
            Ok(None) => self.outside(&beyond(self.less, self.more, true), denied),
            Err(reason) => match self.outside(&beyond(self.less, self.more, true), denied) {
                Ok(Some(hit)) => Ok(Some(hit)),
                Ok(None) | Err(_) => Err(reason),
            },
        }
    }

    /// Finds a part of `some` that is outside of all `others`.
    fn outside(&self, some: &[&'s Statement<'a>], others: Vec<&'s Statement<'a>>) -> Result<Option<Hit>, Undecided> {
        if some.is_empty() {
            return Ok(None);
        }
        self.steps.spend(TABLE_STEPS * others.iter().map(|other| other.patterns().count()).sum::<usize>())?;
        let mut others = Others::new(others, self.interpretation);
        let mut undecided = None;
        for statement in some {
            match self.outside_of(statement, &mut others) {
                Ok(None) => {}
                Ok(found) => return Ok(found),
                Err(Undecided::TooLarge) => return Err(Undecided::TooLarge),
                Err(reason) => undecided = Some(reason),
            }
        }
        undecided.map_or(Ok(None), Err)
    }

    fn outside_of(&self, statement: &'s Statement<'a>, others: &mut Others<'s, 'a>) -> Result<Option<Hit>, Undecided> {
        let (actions, resources) = (self.actions(statement, others)?, self.resources(statement, others)?);
        let mut undecided = None;
        for (by_action, action) in &actions {
            for (by_resource, resource) in &resources {
                let around = common(by_action, by_resource, self.steps)?;
                let solver = Solver { interpretation: self.interpretation, steps: self.steps };
                let around = around.into_iter().map(|number| &others.all[number].clauses[..]);
                match solver.solve(&statement.clauses, around.collect()) {
                    Ok(None) => {}
                    Ok(Some(context)) => {
                        let (action, resource) = ((*action).to_owned(), resource.clone());
                        return Ok(Some(Hit { action, resource, context }));
                    }
                    Err(Undecided::TooLarge) => return Err(Undecided::TooLarge),
                    Err(reason) => undecided = Some(reason),
                }
            }
        }
        undecided.map_or(Ok(None), Err)
    }

    /// Returns the actions of a statement, one of each set of others that have it as well.
    fn actions(
        &self,
        statement: &Statement<'a>,
        others: &mut Others<'s, 'a>,
    ) -> Result<HashMap<Rc<Numbers>, &'a str>, Undecided> {
        let mut found = HashMap::new();
        for action in &statement.actions {
            let text = glob::fill(action, &self.letter.to_string());
            found.entry(others.actions.matching(text, glob::match_steps, self.steps)?).or_insert(*action);
        }
        Ok(found)
    }

    /// Returns the resources of a statement, one of each set of others that have it as well.
    fn resources(
        &self,
        statement: &Statement<'a>,
        others: &mut Others<'s, 'a>,
    ) -> Result<HashMap<Rc<Numbers>, String>, Undecided> {
        let mut found = HashMap::new();
        let matches = |pattern: &str, text: &str| self.interpretation.resource_matches(pattern, text);
        for resource in &statement.resources {
            // The pattern as it is written is inside in every interpretation, the one that is written out in this one.
            for pattern in [Cow::Borrowed(*resource), self.interpretation.resource(resource)] {
                let text = glob::fill(&pattern, &self.letter.to_string());
                found.entry(others.resources.matching(text, matches, self.steps)?).or_insert(pattern.into_owned());
            }
        }
        Ok(found)
    }
}

/// The statements that a part must be outside of.
struct Others<'s, 'a> {
    all: Vec<&'s Statement<'a>>,
    actions: Table<'a>,
    resources: Table<'a>,
}

impl<'s, 'a> Others<'s, 'a> {
    fn new(all: Vec<&'s Statement<'a>>, interpretation: Interpretation) -> Self {
        let numbered = || all.iter().enumerate();
        let actions = numbered().flat_map(|(at, s)| s.actions.iter().map(move |action| (at, Cow::Borrowed(*action))));
        let resources =
            numbered().flat_map(|(at, s)| s.resources.iter().map(move |nrn| (at, interpretation.resource(nrn))));
        let (actions, resources) = (Table::new(actions), Table::new(resources));
        Self { all, actions, resources }
    }
}
