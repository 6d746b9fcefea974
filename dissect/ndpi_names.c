/* Names are what leaves the program, so they must mean the same whatever nDPI
 * is linked.  nDPI's display strings for risks change between versions; its
 * enumerators hardly do, and their numbers only grow at the end.  Protocol
 * names do change: policies written for one version must load with another. */

#include "dissect/ndpi_names.h"

#include "dissect/ndpi_shim.h"

#include <string.h>
#include <strings.h>

enum {
    MAX_RISKS = 64, /* Bits in a mask. */
    MAX_ALIASES = 4
};

/* In the order of ndpi_risk_enum.  A test compares it with nDPI's header, so
 * that a newer library with more risks does not go unnoticed. */
static const char *const risk_names[MAX_RISKS] = {
    "no_risk",
    "url_possible_xss",
    "url_possible_sql_injection",
    "url_possible_rce_injection",
    "binary_application_transfer",
    "known_protocol_on_non_standard_port",
    "tls_selfsigned_certificate",
    "tls_obsolete_version",
    "tls_weak_cipher",
    "tls_certificate_expired",
    "tls_certificate_mismatch",
    "http_suspicious_user_agent",
#if NDPI_SHIM_VERSION < 408
    "http_numeric_ip_host",
#else
    "numeric_ip_host",
#endif
    "http_suspicious_url",
    "http_suspicious_header",
    "tls_not_carrying_https",
    "suspicious_dga_domain",
    "malformed_packet",
    "ssh_obsolete_client_version_or_cipher",
    "ssh_obsolete_server_version_or_cipher",
    "smb_insecure_version",
    "tls_suspicious_esni_usage",
    "unsafe_protocol",
    "dns_suspicious_traffic",
    "tls_missing_sni",
    "http_suspicious_content",
    "risky_asn",
    "risky_domain",
#if NDPI_SHIM_VERSION < 411
    "malicious_ja3",
#else
    "malicious_fingerprint",
#endif
    "malicious_sha1_certificate",
    "desktop_or_file_sharing_session",
    "tls_uncommon_alpn",
    "tls_cert_validity_too_long",
    "tls_suspicious_extension",
    "tls_fatal_alert",
    "suspicious_entropy",
    "clear_text_credentials",
    "dns_large_packet",
    "dns_fragmented",
    "invalid_characters",
    "possible_exploit",
    "tls_certificate_about_to_expire",
    "punycode_idn",
    "error_code_detected",
    "http_crawler_bot",
    "anonymous_subscriber",
    "unidirectional_traffic",
    "http_obsolete_server",
    "periodic_flow",
    "minor_issues",
    "tcp_issues",
    "fully_encrypted",
    "tls_alpn_sni_mismatch",
    "malware_host_contacted",
    "binary_data_transfer",
    "probing_attempt",
    "obfuscated_traffic",
};

/* One protocol a row, under the names it had in nDPI 4.2 to 4.12 or is commonly
 * called by.  A name that the linked library itself has comes first, so a name
 * that moved from one protocol to another is no trouble. */
static const char *const aliases[][MAX_ALIASES] = {
    {"DCERPC", "DCE_RPC", "RPC"},
    {"GoogleHangoutDuo", "GoogleMeet"},
    {"Hotmail", "Outlook"},
    {"Jabber", "XMPP"},
    {"Messenger", "FacebookMessenger"},
    {"PPStream", "iQIYI"},
    {"Redis", "RESP"},
    {"Sina(Weibo)", "Sina"},
    {"Skype_Teams", "Teams"},
    {"SkypeCall", "Skype_TeamsCall", "TeamsCall"},
    {"Z39.50", "Z3950"},
};

static const struct {
    const char *name;
    uint8_t traits;
} traits[] = {
    {"TLS", NDPI_TRAIT_ENCRYPTED | NDPI_TRAIT_TLS},
    {"DTLS", NDPI_TRAIT_ENCRYPTED | NDPI_TRAIT_TLS},
    {"QUIC", NDPI_TRAIT_ENCRYPTED | NDPI_TRAIT_QUIC},
    {"SSH", NDPI_TRAIT_ENCRYPTED},
    {"SMTPS", NDPI_TRAIT_ENCRYPTED | NDPI_TRAIT_TLS},
    {"IMAPS", NDPI_TRAIT_ENCRYPTED | NDPI_TRAIT_TLS},
    {"POPS", NDPI_TRAIT_ENCRYPTED | NDPI_TRAIT_TLS},
    {"FTPS", NDPI_TRAIT_ENCRYPTED | NDPI_TRAIT_TLS},
    {"DoH_DoT", NDPI_TRAIT_ENCRYPTED | NDPI_TRAIT_TLS},
    {"FTP_CONTROL", NDPI_TRAIT_CARRIER},
    {"SMTP", NDPI_TRAIT_CARRIER},
    {"IMAP", NDPI_TRAIT_CARRIER},
    {"POP3", NDPI_TRAIT_CARRIER},
    {"LDAP", NDPI_TRAIT_CARRIER},
    {"Jabber", NDPI_TRAIT_CARRIER},
    {"IRC", NDPI_TRAIT_CARRIER},
    {"Usenet", NDPI_TRAIT_CARRIER},
    {"PostgreSQL", NDPI_TRAIT_CARRIER},
    {"MySQL", NDPI_TRAIT_CARRIER},
    {"RDP", NDPI_TRAIT_CARRIER},
    {"HTTP_Connect", NDPI_TRAIT_CARRIER},
    {"HTTP_Proxy", NDPI_TRAIT_CARRIER},
    {"SOCKS", NDPI_TRAIT_CARRIER},
};

size_t
ndpi_risk_count(void)
{
    return NDPI_MAX_RISK;
}

const char *
ndpi_risk_name(unsigned risk)
{
    if (risk >= NDPI_MAX_RISK || risk_names[risk] == NULL) {
        return "";
    }
    return risk_names[risk];
}

enum application_confidence
ndpi_confidence_from_name(const char *name)
{
    if (name == NULL || strcmp(name, "Unknown") == 0) {
        return APPLICATION_BY_NOTHING;
    }
    if (strcmp(name, "DPI") == 0) {
        return APPLICATION_BY_CONTENT;
    }
    if (strcmp(name, "DPI (cache)") == 0) {
        return APPLICATION_BY_CACHE;
    }
    if (strcmp(name, "Match by IP") == 0) {
        return APPLICATION_BY_ADDRESS;
    }
    return APPLICATION_BY_PORT;
}

/* Where 'name' stands in 'row', or MAX_ALIASES. */
static size_t
find_in_row(const char *const row[MAX_ALIASES], const char *name)
{
    size_t i = 0;

    while (i < MAX_ALIASES && row[i] != NULL) {
        if (strcasecmp(row[i], name) == 0) {
            return i;
        }
        i++;
    }
    return MAX_ALIASES;
}

const char *
ndpi_alias(const char *name, size_t n)
{
    for (size_t row = 0; row < sizeof aliases / sizeof aliases[0]; row++) {
        size_t own = find_in_row(aliases[row], name);

        if (own < MAX_ALIASES) {
            n += n >= own; /* Steps over 'name' itself. */
            return n < MAX_ALIASES ? aliases[row][n] : NULL;
        }
    }
    return NULL;
}

uint8_t
ndpi_traits(size_t n, const char **name)
{
    if (n >= sizeof traits / sizeof traits[0]) {
        return 0;
    }
    *name = traits[n].name;
    return traits[n].traits;
}
