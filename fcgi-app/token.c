#include "token.h"

#include <inttypes.h>
#include <jwt.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/secret_file.h"

enum {
    TOKEN_KEYS_MAX = 16,
    TOKEN_KID_MAX = 16,
    TOKEN_SECRET_MIN = 32, /* RFC 7518, 3.2: at least the hash's length */
    TOKEN_SECRET_MAX = 64,
    TOKEN_FILE_MAX = 8192,
    /* A host whose clock was set back must not log out everybody who came within the last hour:
     * what counts is the session. */
    TOKEN_LEEWAY_S = 2 * 3600,
    TOKEN_HEADER_MAX = 127,
};

static const char token_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const int64_t token_id_max = (INT64_C(1) << 53) - 1;

struct token_key {
    char kid[TOKEN_KID_MAX + 1];
    unsigned char secret[TOKEN_SECRET_MAX];
    size_t secret_length;
    char header[TOKEN_HEADER_MAX + 1]; /* the first part, with its dot, of what this key signs */
};

struct token_keys {
    size_t count;
    struct token_key list[TOKEN_KEYS_MAX];
};

static const struct token_key *token_key_find(const struct token_keys *keys, const char *kid)
{
    for (size_t i = 0; kid && i < keys->count; i++) {
        if (strcmp(keys->list[i].kid, kid) == 0)
            return &keys->list[i];
    }
    return NULL;
}

/* Reads one line that is neither empty nor a comment. What is wrong with it, or NULL. */
static const char *token_key_parse(const char *line, struct token_keys *keys)
{
    struct token_key key = {.secret_length = 0};
    size_t kid_length = strspn(line, token_alphabet);
    const char *encoded = line + kid_length + strspn(line + kid_length, " \t");
    size_t encoded_length = strspn(encoded, token_alphabet);
    const char *wrong = NULL;

    if (kid_length < 1 || kid_length > TOKEN_KID_MAX || encoded == line + kid_length)
        return "wants '<kid> <base64url>', the kid of 1 to 16 of A-Z a-z 0-9 _ -";
    memcpy(key.kid, line, kid_length);
    if (token_key_find(keys, key.kid))
        return "repeats a kid";
    if (keys->count == TOKEN_KEYS_MAX)
        return "is one key too many: 16 at most";

    if (encoded[encoded_length + strspn(encoded + encoded_length, " \t\r")] != '\0' ||
        sodium_base642bin(key.secret, sizeof(key.secret), encoded, encoded_length, NULL,
                          &key.secret_length, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        wrong = "has a key that is not base64url without padding, 64 bytes at most";
    else if (key.secret_length < TOKEN_SECRET_MIN)
        wrong = "has a key of less than 32 bytes";
    else
        keys->list[keys->count++] = key;
    sodium_memzero(&key, sizeof(key));
    return wrong;
}

static int token_keys_parse(const char *path, char *text, struct token_keys *keys)
{
    int number = 0;

    for (char *line; (line = strsep(&text, "\n"));) {
        const char *wrong;

        number++;
        line += strspn(line, " \t\r");
        if (*line == '\0' || *line == '#')
            continue;
        wrong = token_key_parse(line, keys);
        if (wrong) {
            log_error("key file %s: line %d %s", path, number, wrong);
            return ERR_CONFIG;
        }
    }
    if (keys->count == 0) {
        log_error("key file %s: no key in it", path);
        return ERR_CONFIG;
    }
    return 0;
}

/* What libjwt writes in front of every token of this key. */
static int token_header_note(struct token_key *key)
{
    struct token_keys alone = {.count = 1, .list = {*key}};
    const struct token_claims claims = {1, 1, 1, 1};
    char *token = NULL;
    int err = token_sign(&alone, &claims, &token);

    sodium_memzero(&alone, sizeof(alone));
    if (err == 0)
        snprintf(key->header, sizeof(key->header), "%.*s", (int)strcspn(token, ".") + 1, token);
    free(token);
    return err;
}

int token_keys_load(const char *path, struct token_keys **ret_keys)
{
    char text[TOKEN_FILE_MAX + 1];
    struct token_keys *keys = memory_new(sizeof(*keys));
    int err = ERR_INTERNAL;

    if (sodium_init() < 0)
        goto out;
    if ((err = secret_file_read("key file", path, text, sizeof(text))) ||
        (err = token_keys_parse(path, text, keys)))
        goto out;
    for (size_t i = 0; i < keys->count; i++) {
        if ((err = token_header_note(&keys->list[i])))
            goto out;
    }
    *ret_keys = keys;
    keys = NULL;
out:
    sodium_memzero(text, sizeof(text));
    token_keys_free(keys);
    return err;
}

void token_keys_free(struct token_keys *keys)
{
    if (keys)
        sodium_memzero(keys, sizeof(*keys));
    free(keys);
}

int token_sign(const struct token_keys *keys, const struct token_claims *claims, char **ret_token)
{
    const struct token_key *key = &keys->list[0];
    char subject[32];
    jwt_t *jwt = NULL;
    char *token = NULL;

    snprintf(subject, sizeof(subject), "%" PRId64, claims->user_id);
    if (jwt_new(&jwt) || jwt_set_alg(jwt, JWT_ALG_HS256, key->secret, (int)key->secret_length) ||
        jwt_add_header(jwt, "kid", key->kid) || jwt_add_grant(jwt, "iss", "perch") ||
        jwt_add_grant(jwt, "aud", "perch") || jwt_add_grant(jwt, "sub", subject) ||
        jwt_add_grant_int(jwt, "sid", claims->session_id) ||
        jwt_add_grant_int(jwt, "iat", claims->issued_at) ||
        jwt_add_grant_int(jwt, "exp", claims->expires_at) || !(token = jwt_encode_str(jwt))) {
        jwt_free(jwt);
        return ERR_INTERNAL;
    }
    jwt_free(jwt);
    *ret_token = token;
    return 0;
}

/* Three parts of base64url, none empty: all that libjwt gets to see. */
static bool token_shape_good(const char *text)
{
    for (int part = 0; part < 3; part++) {
        size_t length = strspn(text, token_alphabet);

        if (length == 0 || text[length] != (part < 2 ? '.' : '\0'))
            return false;
        text += length + 1;
    }
    return true;
}

static bool token_text_equals(const char *text, const char *wanted)
{
    return text && strcmp(text, wanted) == 0;
}

/* The key named by a header that nobody vouches for yet; NULL if there is none. Our own headers are
 * known by sight, which spares nearly every request the reading of its token twice. */
static const struct token_key *token_key_choose(const struct token_keys *keys, const char *text)
{
    const struct token_key *key = NULL;
    jwt_t *jwt = NULL;

    for (size_t i = 0; i < keys->count; i++) {
        if (strncmp(text, keys->list[i].header, strlen(keys->list[i].header)) == 0)
            return &keys->list[i];
    }
    if (jwt_decode(&jwt, text, NULL, 0) == 0)
        key = token_key_find(keys, jwt_get_header(jwt, "kid"));
    jwt_free(jwt);
    return key;
}

/* Fields that ask for rules we do not know (`crit`, RFC 7515 4.1.11; `nbf`, which we never write).
 */
static bool token_has_strange(jwt_t *jwt)
{
    char *crit = jwt_get_headers_json(jwt, "crit");
    char *nbf = jwt_get_grants_json(jwt, "nbf");
    bool strange = crit || nbf;

    free(crit);
    free(nbf);
    return strange;
}

/* `sub` is a string (RFC 7519, 4.1.2): decimal digits, as token_sign() writes them; else 0. */
static int64_t token_subject_get(jwt_t *jwt)
{
    const char *subject = jwt_get_grant(jwt, "sub");

    if (!subject || subject[0] == '0' || strlen(subject) > 16 ||
        subject[strspn(subject, "0123456789")] != '\0')
        return 0;
    return strtoll(subject, NULL, 10);
}

/* What an already verified token says. */
static int token_claims_read(jwt_t *jwt, int64_t now, struct token_claims *ret_claims)
{
    struct token_claims claims = {
        .user_id = token_subject_get(jwt),
        .session_id = jwt_get_grant_int(jwt, "sid"), /* 0 or -1 when it is no integer */
        .issued_at = jwt_get_grant_int(jwt, "iat"),
        .expires_at = jwt_get_grant_int(jwt, "exp"),
    };

    /* libjwt does not mind how "alg" is spelt; RFC 7515, 4.1.1 does. */
    if (!token_text_equals(jwt_get_header(jwt, "alg"), "HS256") ||
        !token_text_equals(jwt_get_header(jwt, "typ"), "JWT") ||
        !token_text_equals(jwt_get_grant(jwt, "iss"), "perch") ||
        !token_text_equals(jwt_get_grant(jwt, "aud"), "perch") || token_has_strange(jwt))
        return ERR_UNAUTHORIZED;
    if (claims.user_id < 1 || claims.user_id > token_id_max || claims.session_id < 1 ||
        claims.session_id > token_id_max)
        return ERR_UNAUTHORIZED;
    if (claims.issued_at < 1 || claims.issued_at > now + TOKEN_LEEWAY_S || claims.expires_at <= now)
        return ERR_UNAUTHORIZED;
    *ret_claims = claims;
    return 0;
}

int token_verify(const struct token_keys *keys, const char *text, size_t length, int64_t now,
                 struct token_claims *ret_claims)
{
    char copy[TOKEN_TEXT_MAX + 1];
    const struct token_key *key;
    jwt_t *jwt = NULL;
    int err = ERR_UNAUTHORIZED;

    if (length == 0 || length > TOKEN_TEXT_MAX)
        return ERR_UNAUTHORIZED;
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (strlen(copy) != length || !token_shape_good(copy))
        return ERR_UNAUTHORIZED;
    key = token_key_choose(keys, copy);
    if (!key || key->secret_length < TOKEN_SECRET_MIN)
        return ERR_UNAUTHORIZED;

    if (jwt_decode(&jwt, copy, key->secret, (int)key->secret_length) == 0 &&
        jwt_get_alg(jwt) == JWT_ALG_HS256)
        err = token_claims_read(jwt, now, ret_claims);
    jwt_free(jwt);
    return err;
}
