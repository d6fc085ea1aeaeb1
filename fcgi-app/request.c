#include "request.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/err.h"
#include "common/json_edge.h"
#include "common/store_user.h"
#include "common/utf8.h"

static enum method method_parse(const char *name)
{
    static const char *const names[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    for (int i = 0; i < METHOD_OTHER; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum method)i;
    return METHOD_OTHER;
}

void request_init(struct request *request, struct worker *worker, FCGX_Request *fcgx,
                  struct arena *arena)
{
    *request = (struct request){.worker = worker, .fcgx = fcgx, .arena = arena};
    const char *method = request_env(request, "REQUEST_METHOD");
    const char *path = request_env(request, "DOCUMENT_URI");
    const char *id = request_env(request, "REQUEST_ID");
    request->method = method_parse(method ? method : "");
    request->path = path ? path : "";
    const char *announced = request_env(request, "CONTENT_LENGTH");
    request->unread = announced ? strtoul(announced, NULL, 10) : 0;
    size_t length = id ? strspn(id, "0123456789abcdefABCDEF-") : 0;
    if (id != NULL && length <= HANDOFF_REQUEST_ID_MAX && id[length] == '\0')
        snprintf(request->id, sizeof request->id, "%s", id);
}

void request_release(struct request *request)
{
    json_object_put(request->body);
    request->body = NULL;
}

const char *request_env(const struct request *request, const char *name)
{
    return FCGX_GetParam(name, request->fcgx->envp);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes application/x-www-form-urlencoded text. */
static int decode(struct arena *arena, const char *text, size_t length, const char **ret_text)
{
    char *decoded = arena_alloc(arena, length + 1);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i] == '+' ? ' ' : text[i];
        if (c == '%') {
            int high = length - i > 2 ? hex_digit(text[i + 1]) : -1;
            int low = length - i > 2 ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return ERR_BAD_PARAMETER;
            c = (char)(high * 16 + low);
            i += 2;
        }
        decoded[used++] = c;
    }
    decoded[used] = '\0';
    if (!utf8_valid(decoded, used))
        return ERR_BAD_PARAMETER;
    *ret_text = decoded;
    return 0;
}

static int param_add(struct request *request, const char *text, size_t length)
{
    const char *equals = memchr(text, '=', length);
    size_t name_length = equals ? (size_t)(equals - text) : length;
    const char *name = NULL;
    const char *value = "";
    int err = decode(request->arena, text, name_length, &name);
    if (err == 0 && equals != NULL)
        err = decode(request->arena, equals + 1, length - name_length - 1, &value);
    if (err != 0)
        return err;
    if (request->param_count == REQUEST_PARAMS_MAX || request_param(request, name) != NULL)
        return ERR_BAD_PARAMETER;
    request->params[request->param_count].name = name;
    request->params[request->param_count].value = value;
    request->param_count++;
    return 0;
}

int request_parse_query(struct request *request)
{
    const char *query = request_env(request, "QUERY_STRING");
    int err = 0;
    while (err == 0 && query != NULL && *query != '\0') {
        size_t length = strcspn(query, "&");
        if (length > 0)
            err = param_add(request, query, length);
        query += length + (query[length] == '&');
    }
    return err;
}

const char *request_param(const struct request *request, const char *name)
{
    for (int i = 0; i < request->param_count; i++)
        if (strcmp(request->params[i].name, name) == 0)
            return request->params[i].value;
    return NULL;
}

int request_param_int(const struct request *request, const char *name, int64_t minimum,
                      int64_t maximum, int64_t initial, int64_t *ret_number)
{
    const char *text = request_param(request, name);
    int64_t number = initial;
    if (text != NULL) {
        size_t digits = strspn(text, "0123456789");
        if (digits < 1 || digits > 16 || text[digits] != '\0')
            return ERR_BAD_PARAMETER;
        number = strtoll(text, NULL, 10);
        if (number < minimum || number > maximum)
            return ERR_BAD_PARAMETER;
    }
    *ret_number = number;
    return 0;
}

int id_parse(const char *text, int64_t *ret_id)
{
    size_t digits = strspn(text, "0123456789");
    if (digits < 1 || digits > 16 || text[0] == '0' || text[digits] != '\0')
        return ERR_INVALID;
    int64_t id = strtoll(text, NULL, 10);
    if (id < 1 || id > STORE_ID_MAX)
        return ERR_INVALID;
    *ret_id = id;
    return 0;
}

/* Whatever parameters follow. */
static bool media_type_is(const char *type, const char *wanted)
{
    const size_t length = strlen(wanted);
    return type != NULL && strncasecmp(type, wanted, length) == 0 &&
           (type[length] == '\0' || type[length] == ';' || type[length] == ' ');
}

int request_read_body(struct request *request, size_t limit)
{
    size_t length = request->unread;
    if (length == 0)
        return 0;
    if (length > (limit & ~(size_t)(BODY_BEACON | BODY_RAW)))
        return ERR_TOO_LARGE;
    const char *type = request_env(request, "CONTENT_TYPE");
    if (!media_type_is(type, "application/json") &&
        !((limit & BODY_BEACON) && media_type_is(type, "text/plain")))
        return ERR_MEDIA_TYPE;
    char *text = arena_alloc(request->arena, length + 1);
    size_t have = 0;
    while (have < length) {
        int got = FCGX_GetStr(text + have, (int)(length - have), request->fcgx->in);
        if (got <= 0)
            return ERR_BAD_REQUEST;
        have += (size_t)got;
        request->unread -= (size_t)got;
    }
    text[length] = '\0';
    if (limit & BODY_RAW) {
        request->raw = text;
        request->raw_length = length;
        return 0;
    }
    struct json_object *body = NULL;
    int err = json_edge_parse(text, length, REQUEST_JSON_DEPTH, &body);
    if (err == 0 && !json_object_is_type(body, json_type_object)) {
        json_object_put(body);
        err = ERR_INVALID;
    }
    if (err == 0)
        request->body = body;
    return err;
}
