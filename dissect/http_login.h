/* What an HTTP request says about who asks.
 *
 * Pure; any thread.  RFC 9110, 11.6.2: Authorization = scheme [SP credentials].
 */

#ifndef DISSECT_HTTP_LOGIN_H
#define DISSECT_HTTP_LOGIN_H

#include "dissect/cursor.h"

#include <stdbool.h>

/* True if 'payload' has a header with credentials that whoever reads it can
 * use: the schemes Basic (RFC 7617) and Bearer (RFC 6750), to a server or a
 * proxy.  Challenge and response (Digest, NTLM, Negotiate, Kerberos) do not
 * give them away.  Looks at HTTP_LOGIN_MAX_BYTES at most. */
bool http_login_is_readable(struct bytes payload);

enum {
    HTTP_LOGIN_MAX_BYTES = 16384
};

#endif
