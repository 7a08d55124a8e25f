//! The list of kinds.
//!
//! Each macro evaluates an expression for every kind of its list: `managed_kinds!(|K| K::crd())` is
//! `[Policy::crd(), NetworkPolicy::crd()]`. The code generates the CRDs, their reference and the lists of kinds in
//! the manifests from these lists, and starts the controllers with them, in this order.

/// Evaluates `$each` for every kind whose objects the operator manages in a cloud account.
macro_rules! managed_kinds {
    (|$kind:ident| $each:expr) => {
        $crate::api::kinds::each_kind!(|$kind| $each, [Policy, NetworkPolicy])
    };
}

/// Evaluates `$each` for every kind that contains the endpoint and credentials of a cloud account.
macro_rules! connection_kinds {
    (|$kind:ident| $each:expr) => {
        $crate::api::kinds::each_kind!(|$kind| $each, [Connection, ClusterConnection])
    };
}

/// Evaluates `$each` for every kind that permits what the operator does.
macro_rules! approval_kinds {
    (|$kind:ident| $each:expr) => {
        $crate::api::kinds::each_kind!(|$kind| $each, [PolicyApproval])
    };
}

/// Evaluates `$each` for every kind of a list.
macro_rules! each_kind {
    (|$kind:ident| $each:expr, [$($name:ident),+]) => {
        [$({
            type $kind = $crate::api::$name;
            $each
        }),+]
    };
}

pub(crate) use {approval_kinds, connection_kinds, each_kind, managed_kinds};
