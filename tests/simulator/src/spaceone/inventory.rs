//! The objects around the policies: repositories, zones and the region. They are read-only.

use serde_json::{Map, Value, json};

use super::errors::{ApiError, Grpc};
use super::fields::{require, text, texts};
use super::installation::Installation;
use super::marketplace::Marketplace;
use super::options::Era;
use super::query::{Field, Rules, flag, select, with_filters};
use super::store::millis;
use crate::exchange::{Answer, Reply};

type Fields = Map<String, Value>;

static ZONE_FIELDS: &[Field] = &[
    Field::Leaf("zone_id"),
    Field::Leaf("name"),
    Field::Leaf("state"),
    Field::Free("tags"),
    Field::Free("region"),
    Field::Leaf("region_id"),
    Field::Leaf("domain_id"),
    Field::Leaf("created_at"),
];

static REGION_FIELDS: &[Field] = &[
    Field::Leaf("region_id"),
    Field::Leaf("name"),
    Field::Leaf("state"),
    Field::Free("tags"),
    Field::Leaf("domain_id"),
    Field::Leaf("created_at"),
];

static REPOSITORY_FIELDS: &[Field] =
    &[Field::Leaf("repository_id"), Field::Leaf("name"), Field::Leaf("repository_type"), Field::Leaf("created_at")];

impl Installation {
    pub(crate) fn list_repositories(&self, params: &Fields) -> Result<Answer, ApiError> {
        let mut info = self.store.repository_info();
        info["created_at"] = json!(millis(self.store.created_at));
        let query = with_filters(params, &["repository_id", "name", "repository_type"]);
        let mut infos = vec![info];
        infos.extend(self.marketplace.as_ref().map(Marketplace::repository_info));
        self.listed(&infos, &query, REPOSITORY_FIELDS, &["repository_id", "name"])
    }

    pub(crate) fn list_zones(&self, params: &Fields) -> Result<Answer, ApiError> {
        require(params, &["domain_id"])?;
        let query = with_filters(params, &["zone_id", "name", "region_id", "domain_id"]);
        crash_on_partial(&texts(&query, "only"), &["region"], "ZonesInfo")?;
        self.listed(&self.zone_infos(), &query, ZONE_FIELDS, &["zone_id", "name", "state"])
    }

    pub(crate) fn get_zone(&self, params: &Fields) -> Result<Answer, ApiError> {
        one_of(&self.zone_infos(), params, "zone_id")
    }

    pub(crate) fn list_regions(&self, params: &Fields) -> Result<Answer, ApiError> {
        require(params, &["domain_id"])?;
        let query = with_filters(params, &["region_id", "name", "domain_id"]);
        let minimal = &["region_id", "name", "state"];
        self.listed(&[self.store.region_info(false)], &query, REGION_FIELDS, minimal)
    }

    pub(crate) fn get_region(&self, params: &Fields) -> Result<Answer, ApiError> {
        one_of(&[self.store.region_info(false)], params, "region_id")
    }

    fn zone_infos(&self) -> Vec<Value> {
        self.store.zones.iter().map(|zone| self.store.zone_info(&zone.zone_id)).collect()
    }

    fn listed(
        &self,
        infos: &[Value],
        query: &Fields,
        fields: &'static [Field],
        minimal: &[&str],
    ) -> Result<Answer, ApiError> {
        let document = |info: &Value| {
            let mut document = info.clone();
            document["region"] = info["region_info"].clone();
            if info.get("region_id").is_none() {
                document["region_id"] = info["region_info"]["region_id"].clone();
            }
            document
        };
        let documents: Vec<Value> = infos.iter().map(document).collect();
        let fold_case = self.options.era == Era::Rest && minimal.contains(&"state");
        let rules = Rules {
            fold_case,
            exact: &["zone_id", "region_id", "state"],
            fields,
            keywords: &["name"],
            now: self.options.clock.now(),
            largest_page: self.options.switches.largest_page,
        };
        let (found, total) = select(&documents, query, &rules)?;
        let results: Vec<Value> = found
            .into_iter()
            .map(|at| {
                let mut info = infos[at].clone();
                if let Some(fields) = info.as_object_mut().filter(|_| flag(query, "minimal")) {
                    fields.retain(|name, _| minimal.contains(&name.as_str()));
                }
                info
            })
            .collect();
        Ok(Answer::read(Reply::json(200, &self.page_of(&results, total))))
    }
}

fn one_of(infos: &[Value], params: &Fields, id_field: &str) -> Result<Answer, ApiError> {
    require(params, &[id_field, "domain_id"])?;
    let (id, domain) = (text(params, id_field), text(params, "domain_id"));
    match infos.iter().find(|info| info[id_field] == id && info["domain_id"] == domain) {
        Some(info) => Ok(Answer::read(Reply::json(200, info))),
        None => Err(ApiError::not_found(Era::Rest, &[(id_field, Some(&id)), ("domain_id", Some(&domain))])),
    }
}

/// Returns the server's error when `only` leaves out an object that the printer needs.
pub(crate) fn crash_on_partial(only: &[String], followed: &[&str], printer: &str) -> Result<(), ApiError> {
    let missing = followed.iter().find(|field| !only.iter().any(|name| name == *field));
    let Some(field) = missing.filter(|_| !only.is_empty()) else { return Ok(()) };
    let message = format!("'{printer}' load failed. (reason = 'NoneType' object has no attribute '{field}_id')");
    Err(ApiError::new("ERROR_LOCATOR", Grpc::Internal, message))
}
