/* policy_sha256(): changes with what a policy says, and not with how. */

#include "tests/support/sound_policy.h"
#include "tests/support/test.h"

#include "capture/error.h"
#include "dissect/application.h"
#include "rules/policy.h"

#include <stdio.h>
#include <string.h>

enum {
    MAX_TEXT = 8192
};

static struct application_engine *engine;
static char everything[MAX_TEXT]; /* policies/every-key.yaml */

struct change {
    const char *from, *to;
};

static void
digest_changed(const struct change *change, char sha256[65])
{
    static char text[2 * MAX_TEXT];
    const char *at = strstr(everything, change->from);
    struct policy *policy;
    int n;

    if (!at) {
        fail_msg("nothing says '%s'", change->from);
        return;
    }
    n = snprintf(text, sizeof text, "%.*s%s%s", (int)(at - everything),
                 everything, change->to, at + strlen(change->from));
    policy = sound_policy(text, (size_t)n, engine);
    snprintf(sha256, 65, "%s", policy_sha256(policy));
    policy_unref(policy);
}

static const struct change meanings[] = {
    {"name: all", "name: other"},
    {"revision: r1", "revision: r2"},
    {"owner: o,", "owner: p,"},
    {"review_by: 2027-01-01", "review_by: 2027-01-02"},
    {"inter: deny", "inter: alert"},
    {"intra: allow", "intra: deny"},
    {"unknown: deny", "unknown: allow"},
    {"multicast: observe", "multicast: deny"},
    {"link_scope: allow", "link_scope: observe"},
    {"midstream: lenient", "midstream: strict"},
    {"midstream: lenient", "midstream: ignore"},
    {"app_confidence: dpi", "app_confidence: any"},
    {"severity: medium", "severity: info"},
    {"  a: {networks: [10.1.0.0/16, ", "  a: {networks: [10.4.0.0/16, "},
    {"\"2001:db8:1::/48\"", "\"2001:db8:2::/48\""},
    {"exclude: [10.1.9.0/24]", "exclude: [10.1.8.0/24]"},
    {"exclude: [10.1.9.0/24],", ""},
    {"vlans: [10, 20-29]", "vlans: [10, 20-28]"},
    {"interfaces: [\"eth*\", wlan0]", "interfaces: [\"eth*\"]"},
    {"sensors: [hq]", "sensors: [lab]"},
    {"00:1b:1b:*", "00:1b:*"},
    {"zone: x", "zone: y"},
    {"\"odd: key\": \"no\"", "\"odd: kez\": \"no\""},
    {"owner: so", "owner: sp"},
    {"description: sd", "description: se"},
    {"criticality: high", "criticality: low"},
    {"external: true", "external: false"},
    {"intra: deny}", "intra: alert}"},
    {"intra: deny}", "labels: {}}"},
    {"translated: true", "translated: false"},
    {"g: [a, b]", "g: [a, b, c]"},
    {"s: [10.1.0.1, ", "s: [10.1.0.2, "},
    {"tcp/80", "tcp/81"},
    {"icmp/3:1", "icmp/3"},
    {"set: [TLS, SSH]", "set: [TLS]"},
    {"days: [mon-fri]", "days: [mon-thu]"},
    {"08:00-18:00", "08:00-18:01"},
    {"tz: \"+02:00\"", "tz: \"-02:00\""},
    {"tz: local", "tz: UTC"},
    {"id: guard, from: any", "id: guard2, from: any"},
    {"from: any, to: c", "from: any, to: b"},
    {"to: c, action: deny", "to: c, action: allow"},
    {"from_except: b", "from_except: a"},
    {"from_addr: s,", ""},
    {"to: [b, internet]", "to: [b]"},
    {"to_addr: [10.2.0.0/24]", "to_addr: [10.2.0.0/25]"},
    {"both_ways: true", "both_ways: false"},
    {"sctp/1-9", "sctp/1-8"},
    {"sctp/1-9", "any"},
    {"ip/47", "ip/48"},
    {"src_port: [53, ", "src_port: [54, "},
    {"TLS.Google", "QUIC.Google"},
    {"TLS.Google, unknown", "TLS.Google"},
    {"unknown, none]", "unknown]"},
    {"app_category: [VPN, Web]", "app_category: [VPN]"},
    {"schedule: [t, u]", "schedule: [t]"},
    {"vlan: [7-9]", "vlan: [7-8]"},
    {"\"s-?\"", "\"s-*\""},
    {"interface: eth1", "interface: eth2"},
    {"*.Good.example", "**.Good.example"},
    {"host: \"**.example\"", "host: \"*.example\""},
    {"tls_certificate_expired, clear_text", "clear_text"},
    {"tls_version: [\"1.2\", \"1.3\"]", "tls_version: [\"1.2\"]"},
    {"ip_version: 4", "ip_version: 6"},
    {"require: {app: TLS", "require: {app: SSH"},
    {"tls_min: \"1.2\"", "tls_min: \"1.3\""},
    {"*.x.example", "*.y.example"},
    {"forbid_risk: tls_selfsigned_certificate,", ""},
    {"one_way: true", "one_way: false"},
    {"action: allow, mode", "action: alert, mode"},
    {"mode: staged", "mode: disabled"},
    {"mode: staged", "mode: enforce"},
    {"00:00:00.5Z", "00:00:00.6Z"},
    {"expires: 2026-12-31", "expires: 2026-12-30"},
    {"count: 3", "count: 4"},
    {"window: 5m", "window: 6m"},
    {"by: pair", "by: src"},
    {"ticket: T-1", "ticket: T-2"},
    {"owner: eo", "owner: ep"},
    {"reason: er", "reason: es"},
    {"approved_by: ea", "approved_by: eb"},
    {"realert: 2h", "realert: 3h"},
    {"severity: low", "severity: high"},
    {"[T1021, T1133]", "[T1133, T1021]"},
    {"controls: [c1]", "controls: [c2]"},
    {"tags: [t1, t2]", "tags: [\"t1, t2\"]"},
    {"conduit: co", "conduit: cp"},
    {"title: ti", "title: tj"},
    {"justification: ju", "justification: jv"},
    {"owner: ro", "owner: rp"},
    {"approved_by: ra", "approved_by: rb"},
    {"to: b, action: log", "to: b, action: deny"},
    {"default: observe", "default: allow"},
    {"severity: high,", "severity: low,"},
    {"title: pt", "title: pu"},
    {"owner: po", "owner: pp"},
    {"id: p2, from: b", "id: p2, from: c"},
    {"dns: [s]", "dns: []"},
    {"dhcp: 10.1.0.4", "ntp: 10.1.0.4"},
    {"scan: false", "scan: true"},
    {"scan: false", "scan: false, tunnel: false"},
    {"severity: critical", "severity: info"},
    {"realert: 45m", "realert: 46m"},
    {"count: 9", "count: 8"},
    {"controls: [d1]", "controls: [d2]"},
    {"except: [s]", "except: [10.1.0.1]"},
    {"bytes_1h: 3GB", "bytes_1h: 4GB"},
    {"ratio: 7", "ratio: 8"},
    {"tls_min: \"1.1\"", "tls_min: \"1.3\""},
    {"silent: 2h", "silent: 0"},
    {"realert: 30m", "realert: 31m"},
    {"max_active: 500", "max_active: 501"},
    {"collapse: 20", "collapse: 21"},
    {"id: q", "id: qq"},
    {"src: s", "src: 10.1.0.1"},
    {"src: s,", ""},
    {"dst: 10.2.0.0/16, rule", "dst: 10.2.0.0/17, rule"},
    {"rule: [full, \"pair:p1\"]", "rule: [full]"},
    {"until: 2026-06-30", "until: \"2026-06-30T00:00:00Z\""},
    {"owner: qo", "owner: qp"},
    {"reason: qr", "reason: qs"},
    {"ticket: qt", "ticket: qu"},
    {"approved_by: qa", "approved_by: qb"},
};

/* None of the digests before it, and not that of the policy unchanged. */
static void
assert_new(char (*digests)[65], size_t i, const char *unchanged)
{
    bool known = strcmp(digests[i], unchanged) == 0;

    for (size_t k = 0; k < i; k++) {
        known |= strcmp(digests[k], digests[i]) == 0;
    }
    if (known) {
        fail_msg("'%s' for '%s' changes nothing", meanings[i].to,
                 meanings[i].from);
    }
}

static void
whatever_a_policy_says_changes_its_digest(void **state)
{
    static char digests[sizeof meanings / sizeof meanings[0]][65];
    char unchanged[65];

    (void)state;
    digest_changed(&(struct change){"all", "all"}, unchanged);
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        digest_changed(&meanings[i], digests[i]);
        assert_new(digests, i, unchanged);
    }
}

static const struct change forms[] = {
    {"version: 1\n", "# A comment.\nversion: \"1\"\nx-more: {y: z}\n"},
    {"description: free", "description: freer"},
    {"approved_by: x", "approved_by: y"},
    {"approved_on: 2026-01-01", "approved_on: 2026-01-02"},
    {"owner: so, description: sd", "description: sd, owner: so"},
    {"10.1.0.0/16, \"2001:db8:1::/48\"", "\"2001:DB8:1:0::/48\", 10.1.0.0/16"},
    {"zone: x, \"odd: key\": \"no\"", "\"odd: key\": \"no\", zone: x"},
    {"[10, 20-29]", "[20-25, 24-29, 10]"},
    {"00:1b:1b:*", "00:1B:1b:*"},
    {"from: g, from_except: b", "from: a"},
    {"from: any", "from: [internal, external, unknown, multicast, "
                  "broadcast, link-local, reserved]"},
    {"service: [w, ", "service: [tcp/80, \"icmp/3:1\", w, http, "},
    {"sctp/1-9", "sctp/5-9, sctp/1-5"},
    {"app: [set, ", "app: [ssh, tls, "},
    {"app_category: [VPN, Web]", "app_category: [web, vpn, VPN]"},
    {"schedule: [t, u]", "schedule: [u, t, t]"},
    {"*.Good.example", "*.good.EXAMPLE"},
    {"[tls_certificate_expired, clear_text_credentials]",
     "[clear_text_credentials, tls_certificate_expired]"},
    {"expires: 2026-12-31", "expires: \"2027-01-01T02:00:00+02:00\""},
    {"realert: 2h", "realert: 7200"},
    {"window: 5m", "window: 300s"},
    {"[full, \"pair:p1\"]", "[\"pair:p1\", full]"},
    {"bytes_1h: 3GB", "bytes_1h: 3000MB"},
    {"conformance: {silent: 2h}", "conformance: {silent: 7200, window: 5m}"},
    {"name: n,", "name: m,"},
    {"schedules: {t: ", "schedules: {spare: {days: mon}, t: "},
    {"both_ways: true", "both_ways: true, x-note: why"},
};

static void
assert_same(const struct change *form, const char *unchanged)
{
    char digest[65];

    digest_changed(form, digest);
    if (strcmp(digest, unchanged) != 0) {
        fail_msg("'%s' for '%s' changes the digest", form->to, form->from);
    }
}

static void
how_a_policy_is_written_does_not(void **state)
{
    char unchanged[65];

    (void)state;
    digest_changed(&(struct change){"all", "all"}, unchanged);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        assert_same(&forms[i], unchanged);
    }
}

static int
set_up(void **state)
{
    FILE *file = fopen(SOURCE_DIR "/tests/rules/policies/every-key.yaml", "r");
    struct error error;
    size_t n;

    (void)state;
    if (!file) {
        return -1;
    }
    n = fread(everything, 1, sizeof everything - 1, file);
    fclose(file);
    engine = application_engine_new(NULL, &error);
    return engine && n < sizeof everything - 1 ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    application_engine_free(engine);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_a_policy_says_changes_its_digest),
        cmocka_unit_test(how_a_policy_is_written_does_not),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
