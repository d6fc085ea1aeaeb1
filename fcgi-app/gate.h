/* Who may pass: the route's row against the caller, before the handler runs. */
#ifndef PERCH_GATE_H
#define PERCH_GATE_H

#include "request.h"
#include "response.h"

/* Cross-site rule, throttles, session: in one exchange with Redis, and with PostgreSQL only for a
 * session that is not cached. Fills in request->caller. ERR_CSRF, ERR_UNAUTHORIZED,
 * ERR_RATE_LIMITED (with Retry-After). */
int gate_pass(struct request *request, struct response *response)
    __attribute__((warn_unused_result));

/* One more password check for this account; ERR_RATE_LIMITED. */
int gate_account(struct request *request, struct response *response, const char *account)
    __attribute__((warn_unused_result));

/* Is the site served over https, as far as people see it? */
bool gate_is_https(const struct request *request);

/* "__Host-perch_session" over https, else "perch_session". */
const char *gate_cookie_name(const struct request *request);

#endif
