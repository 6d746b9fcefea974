/* The techniques and tactics that can be named; see attack.h.
 *
 * Names and tactics are those of MITRE ATT&CK v18.1.  Sorted by id, which the
 * search relies on and a test checks. */

#include "tools/event/attack.h"

#include <stdlib.h>
#include <string.h>

static const struct attack_technique techniques[] = {
    {"T0801", "Monitor Process State", {"TA0100"}},
    {"T0819", "Exploit Public-Facing Application", {"TA0108"}},
    {"T0822", "External Remote Services", {"TA0108"}},
    {"T0836", "Modify Parameter", {"TA0106"}},
    {"T0840", "Network Connection Enumeration", {"TA0102"}},
    {"T0843", "Program Download", {"TA0109"}},
    {"T0845", "Program Upload", {"TA0100"}},
    {"T0846", "Remote System Discovery", {"TA0102"}},
    {"T0848", "Rogue Master", {"TA0108"}},
    {"T0855", "Unauthorized Command Message", {"TA0106"}},
    {"T0859", "Valid Accounts", {"TA0110", "TA0109"}},
    {"T0866", "Exploitation of Remote Services", {"TA0108", "TA0109"}},
    {"T0867", "Lateral Tool Transfer", {"TA0109"}},
    {"T0869", "Standard Application Layer Protocol", {"TA0101"}},
    {"T0883", "Internet Accessible Device", {"TA0108"}},
    {"T0884", "Connection Proxy", {"TA0101"}},
    {"T0885", "Commonly Used Port", {"TA0101"}},
    {"T0886", "Remote Services", {"TA0108", "TA0109"}},
    {"T0888", "Remote System Information Discovery", {"TA0102"}},
    {"T1001", "Data Obfuscation", {"TA0011"}},
    {"T1001.003",
     "Data Obfuscation: Protocol or Service Impersonation",
     {"TA0011"}},
    {"T1018", "Remote System Discovery", {"TA0007"}},
    {"T1021", "Remote Services", {"TA0008"}},
    {"T1021.001", "Remote Services: Remote Desktop Protocol", {"TA0008"}},
    {"T1021.002", "Remote Services: SMB/Windows Admin Shares", {"TA0008"}},
    {"T1021.003",
     "Remote Services: Distributed Component Object Model",
     {"TA0008"}},
    {"T1021.004", "Remote Services: SSH", {"TA0008"}},
    {"T1021.005", "Remote Services: VNC", {"TA0008"}},
    {"T1021.006", "Remote Services: Windows Remote Management", {"TA0008"}},
    {"T1029", "Scheduled Transfer", {"TA0010"}},
    {"T1030", "Data Transfer Size Limits", {"TA0010"}},
    {"T1040", "Network Sniffing", {"TA0006", "TA0007"}},
    {"T1041", "Exfiltration Over C2 Channel", {"TA0010"}},
    {"T1046", "Network Service Discovery", {"TA0007"}},
    {"T1048", "Exfiltration Over Alternative Protocol", {"TA0010"}},
    {"T1048.001",
     "Exfiltration Over Alternative Protocol: Exfiltration Over Symmetric "
     "Encrypted Non-C2 Protocol",
     {"TA0010"}},
    {"T1048.002",
     "Exfiltration Over Alternative Protocol: Exfiltration Over Asymmetric "
     "Encrypted Non-C2 Protocol",
     {"TA0010"}},
    {"T1048.003",
     "Exfiltration Over Alternative Protocol: Exfiltration Over Unencrypted "
     "Non-C2 Protocol",
     {"TA0010"}},
    {"T1071", "Application Layer Protocol", {"TA0011"}},
    {"T1071.001", "Application Layer Protocol: Web Protocols", {"TA0011"}},
    {"T1071.002",
     "Application Layer Protocol: File Transfer Protocols",
     {"TA0011"}},
    {"T1071.003", "Application Layer Protocol: Mail Protocols", {"TA0011"}},
    {"T1071.004", "Application Layer Protocol: DNS", {"TA0011"}},
    {"T1090", "Proxy", {"TA0011"}},
    {"T1090.001", "Proxy: Internal Proxy", {"TA0011"}},
    {"T1090.002", "Proxy: External Proxy", {"TA0011"}},
    {"T1090.003", "Proxy: Multi-hop Proxy", {"TA0011"}},
    {"T1095", "Non-Application Layer Protocol", {"TA0011"}},
    {"T1105", "Ingress Tool Transfer", {"TA0011"}},
    {"T1110", "Brute Force", {"TA0006"}},
    {"T1110.001", "Brute Force: Password Guessing", {"TA0006"}},
    {"T1110.003", "Brute Force: Password Spraying", {"TA0006"}},
    {"T1133", "External Remote Services", {"TA0003", "TA0001"}},
    {"T1190", "Exploit Public-Facing Application", {"TA0001"}},
    {"T1210", "Exploitation of Remote Services", {"TA0008"}},
    {"T1219", "Remote Access Tools", {"TA0011"}},
    {"T1219.002", "Remote Access Tools: Remote Desktop Software", {"TA0011"}},
    {"T1496", "Resource Hijacking", {"TA0040"}},
    {"T1496.001", "Resource Hijacking: Compute Hijacking", {"TA0040"}},
    {"T1498", "Network Denial of Service", {"TA0040"}},
    {"T1499", "Endpoint Denial of Service", {"TA0040"}},
    {"T1542.005", "Pre-OS Boot: TFTP Boot", {"TA0005", "TA0003"}},
    {"T1552.005",
     "Unsecured Credentials: Cloud Instance Metadata API",
     {"TA0006"}},
    {"T1557", "Adversary-in-the-Middle", {"TA0006", "TA0009"}},
    {"T1557.001",
     "Adversary-in-the-Middle: LLMNR/NBT-NS Poisoning and SMB Relay",
     {"TA0006", "TA0009"}},
    {"T1557.002",
     "Adversary-in-the-Middle: ARP Cache Poisoning",
     {"TA0006", "TA0009"}},
    {"T1557.003",
     "Adversary-in-the-Middle: DHCP Spoofing",
     {"TA0006", "TA0009"}},
    {"T1562.004",
     "Impair Defenses: Disable or Modify System Firewall",
     {"TA0005"}},
    {"T1562.010", "Impair Defenses: Downgrade Attack", {"TA0005"}},
    {"T1562.013",
     "Impair Defenses: Disable or Modify Network Device Firewall",
     {"TA0005"}},
    {"T1567", "Exfiltration Over Web Service", {"TA0010"}},
    {"T1567.002",
     "Exfiltration Over Web Service: Exfiltration to Cloud Storage",
     {"TA0010"}},
    {"T1568", "Dynamic Resolution", {"TA0011"}},
    {"T1568.002",
     "Dynamic Resolution: Domain Generation Algorithms",
     {"TA0011"}},
    {"T1570", "Lateral Tool Transfer", {"TA0008"}},
    {"T1571", "Non-Standard Port", {"TA0011"}},
    {"T1572", "Protocol Tunneling", {"TA0011"}},
    {"T1573", "Encrypted Channel", {"TA0011"}},
    {"T1595", "Active Scanning", {"TA0043"}},
    {"T1595.001", "Active Scanning: Scanning IP Blocks", {"TA0043"}},
    {"T1595.002", "Active Scanning: Vulnerability Scanning", {"TA0043"}},
    {"T1599", "Network Boundary Bridging", {"TA0005"}},
    {"T1599.001",
     "Network Boundary Bridging: Network Address Translation Traversal",
     {"TA0005"}},
    {"T1602", "Data from Configuration Repository", {"TA0009"}},
    {"T1602.001",
     "Data from Configuration Repository: SNMP (MIB Dump)",
     {"TA0009"}},
    {"T1602.002",
     "Data from Configuration Repository: Network Device Configuration Dump",
     {"TA0009"}},
};

static const struct {
    const char *id, *name;
} tactics[] = {
    {"TA0001", "Initial Access"},
    {"TA0002", "Execution"},
    {"TA0003", "Persistence"},
    {"TA0004", "Privilege Escalation"},
    {"TA0005", "Defense Evasion"},
    {"TA0006", "Credential Access"},
    {"TA0007", "Discovery"},
    {"TA0008", "Lateral Movement"},
    {"TA0009", "Collection"},
    {"TA0010", "Exfiltration"},
    {"TA0011", "Command and Control"},
    {"TA0040", "Impact"},
    {"TA0042", "Resource Development"},
    {"TA0043", "Reconnaissance"},
    {"TA0100", "Collection"},
    {"TA0101", "Command and Control"},
    {"TA0102", "Discovery"},
    {"TA0103", "Evasion"},
    {"TA0104", "Execution"},
    {"TA0105", "Impact"},
    {"TA0106", "Impair Process Control"},
    {"TA0107", "Inhibit Response Function"},
    {"TA0108", "Initial Access"},
    {"TA0109", "Lateral Movement"},
    {"TA0110", "Persistence"},
    {"TA0111", "Privilege Escalation"},
};

static int compare(const void *id, const void *technique);

const struct attack_technique *
attack_technique(const char *id)
{
    return bsearch(id, techniques, attack_n_techniques(), sizeof *techniques,
                   compare);
}

const char *
attack_tactic_name(const char *id)
{
    for (size_t i = 0; i < sizeof tactics / sizeof *tactics; i++) {
        if (strcmp(tactics[i].id, id) == 0) {
            return tactics[i].name;
        }
    }
    return NULL;
}

size_t
attack_n_techniques(void)
{
    return sizeof techniques / sizeof *techniques;
}

const struct attack_technique *
attack_technique_at(size_t i)
{
    return &techniques[i];
}

static int
compare(const void *id, const void *technique)
{
    return strcmp(id, ((const struct attack_technique *)technique)->id);
}
