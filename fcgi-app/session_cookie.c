#include "session_cookie.h"

#include <string.h>

#include "common/utf8.h"
#include "gate.h"
#include "worker.h"

enum { AGENT_MAX = 200 };

static void add_cookie(const struct request *request, struct response *response, const char *value,
                       long max_age)
{
    buf_addf(&response->headers,
             "Set-Cookie: %s=%s; Path=/; Max-Age=%ld; HttpOnly; SameSite=Strict%s\r\n",
             gate_cookie_name(request), value, max_age, gate_is_https(request) ? "; Secure" : "");
}

void session_cookie_set(const struct request *request, struct response *response, const char *token)
{
    add_cookie(request, response, token, (long)request->worker->conf->session_days * 86400);
}

void session_cookie_clear(const struct request *request, struct response *response)
{
    add_cookie(request, response, "", 0);
}

const char *session_agent(const struct request *request, const char *header)
{
    size_t length = header ? strlen(header) : 0;
    if (length > AGENT_MAX)
        length = AGENT_MAX;
    /* Cutting may have split a character. */
    while (length > 0 && !utf8_valid(header, length))
        length--;
    if (length == 0 || utf8_has_control(header, length))
        return "";
    return arena_copy(request->arena, header, length);
}
