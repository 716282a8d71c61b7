//! Tests that the generator reports errors in broken specs, and that it generates correct code for small edits of the
//! spec. `changes.rs` tests the changes that the vendor may make.

use crate::edits::{CAP, FILE, SPEC, edited, everything, line};
use crate::generator::{Options, generate};

const ITEM: &str = "paths./onboarding/v1/packs/{packId}/assignments";

#[track_caller]
fn code(edits: &[(&str, &str)]) -> String {
    everything(&edited(edits)).unwrap()
}

/// Checks that the generator returns a one-line error for this spec. The error must start with the file name, and must
/// contain each text in `expected`.
#[track_caller]
fn refused(spec: &str, expected: &[&str]) {
    let problem = everything(spec).expect_err("this spec must be refused");
    assert!(problem.starts_with("spec/onboarding.yaml: "), "{problem}");
    assert!(
        !problem.contains('\n') && problem.chars().count() < 600,
        "{problem}"
    );
    assert!(problem.contains("expected"), "{problem}");
    for part in expected {
        assert!(problem.contains(part), "expected {part:?} in: {problem}");
    }
}

#[track_caller]
fn edit_refused(from: &str, to: &str, expected: &[&str]) {
    refused(&edited(&[(from, to)]), expected);
}

#[test]
fn refuses_what_is_not_a_document() {
    refused("", &["openapi: expected 3.0.x", "found nothing"]);
    refused("[1, 2]", &["openapi: expected 3.0.x"]);
    refused("openapi: [", &["expected YAML", "line"]);
    refused(
        "openapi: 3.0.3",
        &["paths: expected the operations", "found neither"],
    );
    edit_refused("servers:\n", "servers:\n\t", &["expected YAML", "line 21"]);
    edit_refused("tags:\n", "servers: []\ntags:\n", &["duplicate", "servers"]);
}

#[test]
fn names_the_place_of_what_is_not_openapi() {
    const TITLE: &str = "  title: Connecteam onboarding assignments\n";
    const EXPECTED: &str = "expected an OpenAPI 3.0 document: ";
    edit_refused(
        TITLE,
        "",
        &["info: expected an OpenAPI 3.0 document: missing field `title`"],
    );
    for (from, to, place) in [
        (TITLE, "  title: [1]\n", "info: "),
        (
            "    x-region: Global",
            "    x-region: Global\n    variables: 1",
            "servers[0]: ",
        ),
        (
            "      summary: Get pack assignments\n",
            "      summary: {}\n",
            "assignments.get: ",
        ),
        (
            "        in: path\n",
            "        in: body\n",
            &format!("{ITEM}: "),
        ),
        (
            "    AssignUsersRequest:\n",
            "    AssignUsersRequest:\n      nullable: perhaps\n",
            "schemas.AssignUsersRequest: ",
        ),
    ] {
        edit_refused(from, to, &[&format!("{place}{EXPECTED}")]);
    }
}

#[test]
fn refuses_another_version() {
    let version = "openapi: 3.0.3";
    edit_refused(
        version,
        "openapi: 3.1.0",
        &["openapi: expected 3.0.x", "found \"3.1.0\""],
    );
    edit_refused(
        version,
        "swagger: '2.0'",
        &["openapi: expected 3.0.x", "found nothing"],
    );
}

#[test]
fn refuses_an_unusable_limit() {
    const PLACE: &str =
        "components.schemas.AssignUsersRequest.properties.userIds.maxItems: expected";
    let cap = format!("maxItems: {CAP}");
    edit_refused(&cap, "minLength: 1", &[PLACE, "found nothing"]);
    edit_refused(&cap, "maxItems: 0", &[PLACE, "found 0"]);
    edit_refused(&cap, "maxItems: many", &[PLACE, "found \"many\""]);
    edit_refused(&cap, "maxItems: -1", &[PLACE, "found -1"]);
}

#[test]
fn refuses_a_spec_without_the_operations_of_src() {
    edit_refused(
        "operationId: assignUsersToPack",
        "operationId: putUsersOnPack",
        &[
            &format!("{ITEM}.post.operationId: expected assignUsersToPack"),
            "found putUsersOnPack",
        ],
    );
    edit_refused(
        "    post:\n",
        "    put:\n",
        &[
            &format!("{ITEM}.post.operationId: expected assignUsersToPack"),
            "found nothing",
        ],
    );
    edit_refused(
        "      operationId: getPackAssignments\n",
        "",
        &[
            &format!("{ITEM}.get.operationId: expected getPackAssignments"),
            "found nothing",
        ],
    );
    refused(
        &edited(&[
            ("operationId: getPackAssignments", "operationId: a"),
            ("operationId: assignUsersToPack", "operationId: b"),
        ]),
        &["paths: expected the operations getPackAssignments and assignUsersToPack"],
    );
    edit_refused(
        "/{packId}/assignments",
        "/{pack}/assignments",
        &[
            "paths./onboarding/v1/packs/{pack}/assignments: expected",
            "`{packId}`",
        ],
    );
    edit_refused(
        "    get:\n",
        "      - {name: page, in: query, schema: {type: integer}}\n    get:\n",
        &[
            &format!("{ITEM}.parameters[1].name: expected nothing"),
            "page",
        ],
    );
}

#[test]
fn names_the_place_of_a_dangling_reference() {
    edit_refused(
        "#/components/schemas/PackAssignmentsResponse",
        "#/components/schemas/Gone",
        &[&format!(
            "{ITEM}.get.responses.200.content.application/json.schema.$ref: expected a place in this file, found \
             \"#/components/schemas/Gone\""
        )],
    );
    edit_refused(
        "#/components/responses/Failed",
        "other.yaml#/Failed",
        &["found \"other.yaml#/Failed\""],
    );
}

#[test]
fn refuses_responses_of_several_types() {
    let place = format!("{ITEM}.get.responses");
    edit_refused(
        "        4XX:\n",
        "        default:\n",
        &[&place, ".default: expected", "`4XX` and `5XX`"],
    );
    edit_refused(
        "        4XX:\n",
        "        404:\n          description: No such pack.\n        4XX:\n",
        &[&place, "one type of error"],
    );
    edit_refused(
        "        '200':\n",
        "        '400':\n",
        &["one type of error"],
    );
}

#[test]
fn refuses_a_server_that_is_not_a_region() {
    let (servers, rest) = (SPEC.find("servers:").unwrap(), SPEC.find("tags:").unwrap());
    refused(
        &(SPEC[..servers].to_owned() + &SPEC[rest..]),
        &["servers: expected one server per region"],
    );
    edit_refused(
        "    x-region: Global\n",
        "",
        &["servers[0].x-region: expected", "found nothing"],
    );
    edit_refused(
        "x-region: Australia",
        "x-region: Global",
        &["servers[1].x-region", "found \"Global\""],
    );
    edit_refused(
        "x-region: Australia",
        "x-region: down under",
        &["servers[1].x-region", "down under"],
    );
    edit_refused(
        "url: https://api.",
        "url: http://api.",
        &["servers[0].url: expected https://"],
    );
}

#[test]
fn refuses_incomplete_credentials() {
    const SCHEMES: &str = "components.securitySchemes";
    edit_refused(
        "in: header",
        "in: query",
        &[&format!("{SCHEMES}.apiKey.in: expected header"), "query"],
    );
    edit_refused("clientCredentials", "implicit", &["expected"]);
    edit_refused(
        "tokenUrl: https://api.connecteam.com/oauth/v1/token",
        "tokenUrl: https://api.connecteam.com",
        &[&format!(
            "{SCHEMES}.oauth.flows.clientCredentials.tokenUrl: expected https:// with a path"
        )],
    );
    edit_refused(
        "- oauth: [onboarding.read]\n",
        "- oauth: [onboarding.reed]\n",
        &[
            &format!("{ITEM}.get.security: expected `oauth` with a scope of {SCHEMES}.oauth.flows"),
            "\"onboarding.reed\"",
        ],
    );
}

#[test]
fn refuses_a_spec_without_a_rate_limit_header() {
    edit_refused(
        "            x-ratelimit-day-reset: {$ref: '#/components/headers/DayReset'}\n",
        "",
        &[
            &format!("{ITEM}.get.responses.200.headers: expected a header"),
            "#/components/headers/DayReset",
        ],
    );
}

#[test]
fn refuses_a_spec_without_the_fields_of_src() {
    const ASSIGNMENT: &str = "components.schemas.Assignment.properties";
    edit_refused(
        "        userId:\n          description",
        "        user:\n          description",
        &[
            &format!("{ASSIGNMENT}.userId: expected UserId, required"),
            "found nothing",
        ],
    );
    edit_refused(
        "required: [id, userId, status, isWaitingApproval]",
        "required: [id, userId, status]",
        &[
            &format!("{ASSIGNMENT}.isWaitingApproval: expected boolean, required"),
            "found boolean, optional",
        ],
    );
    edit_refused(
        "          allOf:\n            - $ref: '#/components/schemas/UserId'\n",
        "          type: string\n",
        &[
            &format!("{ASSIGNMENT}.userId: expected UserId"),
            "found string",
        ],
    );
    edit_refused(
        "title: Message",
        "title: Words",
        &["components.schemas.ErrorDetail.anyOf[0]: expected string, title Message"],
    );
    edit_refused(
        "      format: int64\n      minimum: 1\n",
        "      format: int64\n",
        &[
            "components.schemas.PackId: expected integer, format int64, minimum 1",
            "found integer, format int64",
        ],
    );
    refused(
        &edited(&[
            ("required: [userIds]", "required: [userIds, by]"),
            (
                "        userIds:\n          type",
                "        by: {type: string}\n        userIds:\n          type",
            ),
        ]),
        &[
            "components.schemas.AssignUsersRequest.required: expected [\"userIds\"]",
            "found [\"userIds\",\"by\"]",
        ],
    );
}

#[test]
fn refuses_statuses_that_are_not_an_open_list_of_names() {
    const PLACE: &str = "components.schemas.AssignmentStatus.anyOf";
    let values = line("enum: [in_progress, completed");
    edit_refused(
        values,
        "enum: []",
        &[PLACE, "[0].enum: expected the known values"],
    );
    edit_refused(
        "        - type: string\n      example",
        "      example",
        &[PLACE, "[1]: expected string", "found nothing"],
    );
    for bad in ["in-progress", "2nd", "other", "''", "größe"] {
        edit_refused(
            values,
            &format!("enum: [in_progress, {bad}]"),
            &[PLACE, "[0].enum[1]: expected"],
        );
    }
}

#[test]
fn reports_a_panic_of_progenitor() {
    edit_refused(
        "          content:\n            application/json:\n",
        "          content:\n            text/csv:\n",
        &["expected"],
    );
    let body = "        content:\n          application/json:\n            schema:\n              $ref: \
                '#/components/schemas/AssignUsersRequest'";
    let encoding =
        "application/json:\n            encoding: {userIds: {style: form}}\n            schema:";
    edit_refused(
        body,
        &body.replace("application/json:\n            schema:", encoding),
        &[
            "expected what progenitor supports",
            "it stopped with: not yet implemented",
        ],
    );
}

#[test]
fn the_crate_is_built_from_the_spec() {
    let built = include_str!(concat!(env!("OUT_DIR"), "/codegen.rs"));
    let options = Options {
        mock: cfg!(feature = "mock"),
        schemars: cfg!(feature = "schemars"),
    };
    assert_eq!(generate(FILE, SPEC, options).unwrap(), built);
}

#[test]
fn features_select_the_generated_parts() {
    let of = |mock, schemars| generate(FILE, SPEC, Options { mock, schemars }).unwrap();
    let plain = of(false, false);
    assert!(!plain.contains("httpmock") && !plain.contains("schemars"));
    let mock = of(true, false);
    assert!(mock.contains("pub trait MockServerExt") && !mock.contains("schemars"));
    let schemas = of(false, true);
    assert!(!schemas.contains("httpmock") && schemas.contains("\"Assignment\": types::Assignment"));
}

#[test]
fn only_the_crate_builds_a_client_or_implements_the_mock() {
    let code = code(&[]);
    assert!(!code.contains("pub fn new(baseurl") && !code.contains("fn new(\n        baseurl"));
    assert!(code.contains("pub(crate) fn new_with_client"));
    assert!(code.contains("pub trait MockServerExt: crate::api::sealed::Sealed {"));
}

#[test]
fn generates_a_field() {
    let field = "        rehearsedAt:\n          type: string\n          format: date-time\n          description: By when.\n";
    let code = code(&[(
        "        isWaitingApproval:\n",
        &format!("{field}        isWaitingApproval:\n"),
    )]);
    // A `date-time` field becomes a `String`, because the crate must accept every value.
    assert!(code.contains("///By when."));
    assert!(code.contains("pub rehearsed_at: ::std::option::Option<::std::string::String>"));
    assert!(code.contains(r#""format": "date-time""#));
}

#[test]
fn generates_a_field_of_the_request() {
    let code = code(&[(
        "        userIds:\n          type",
        "        notify: {type: boolean}\n        userIds:\n          type",
    )]);
    assert!(code.contains("pub notify: ::std::option::Option<bool>"));
    // `AssignUsersRequest::new` sets all fields except `user_ids` to their default, so the type must derive `Default`.
    let request = code.split("pub struct AssignUsersRequest").next().unwrap();
    assert!(
        request
            .rsplit("#[derive(")
            .next()
            .unwrap()
            .contains("Default")
    );
}

#[test]
fn generates_a_status() {
    let code = code(&[(
        "enum: [in_progress, completed",
        "enum: [in_progress, completed, needs_a-Look",
    )]);
    assert!(code.contains(r#"NeedsALook = "needs_a-Look","#));
}

#[test]
fn generates_a_response_with_the_same_body() {
    let not_found =
        "        '404':\n          $ref: '#/components/responses/Refused'\n        4XX:\n";
    assert!(code(&[("        4XX:\n", not_found)]).contains("404u16"));
}

#[test]
fn generates_a_region() {
    let code = code(&[(
        "tags:\n",
        "  - url: https://api-eu.connecteam.com\n    description: Europe.\n    x-region: Europe\ntags:\n",
    )]);
    assert!(code.contains("    /// Europe.\n    Europe = \"https://api-eu.connecteam.com\","));
}

#[test]
fn takes_the_names_of_headers_and_scopes_from_the_spec() {
    let spec = SPEC
        .replace("x-ratelimit-minute-reset", "RateLimit-Reset")
        .replace("onboarding.write", "onboarding.assign");
    let code = everything(&spec).unwrap();
    assert!(code.contains("MINUTE_RESET_HEADER: &str = \"ratelimit-reset\";"));
    assert!(code.contains("WRITE_SCOPE: &str = \"onboarding.assign\";"));
}
