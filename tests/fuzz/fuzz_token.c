/* Tokens. Two kinds of input:
 *
 *   <anything>                       a token as a stranger sends it
 *   {header}<newline>{claims}        signed here with the one good key, as only a thief of it could
 *
 * What is taken has a good HMAC of our key over its first two parts, and claims that say so. */
#include "fuzz.h"

#include <json-c/json.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/store_user.h"
#include "fcgi-app/token.h"

static const int64_t now = 1700000000;

static void add_encoded(struct buf *token, const void *bytes, size_t length)
{
    size_t room = sodium_base64_encoded_len(length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *encoded = malloc(room);

    FUZZ_CHECK(encoded != NULL);
    sodium_bin2base64(encoded, room, bytes, length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    buf_adds(token, encoded);
    free(encoded);
}

static void sign(struct buf *token, const char *header, size_t header_length, const char *claims,
                 size_t claims_length)
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];

    add_encoded(token, header, header_length);
    buf_adds(token, ".");
    add_encoded(token, claims, claims_length);
    crypto_auth_hmacsha256(mac, (const unsigned char *)token->data, token->length, fuzz_secret);
    buf_adds(token, ".");
    add_encoded(token, mac, sizeof mac);
}

/* The last part is the HMAC of what stands before it. */
static bool signature_is_good(const char *token, size_t length)
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES + 1];
    size_t mac_length = 0;
    const char *last = memrchr(token, '.', length);

    return last &&
           sodium_base642bin(mac, sizeof mac, last + 1, length - (size_t)(last + 1 - token), NULL,
                             &mac_length, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
           mac_length == crypto_auth_hmacsha256_BYTES &&
           crypto_auth_hmacsha256_verify(mac, (const unsigned char *)token, (size_t)(last - token),
                                         fuzz_secret) == 0;
}

/* A part as JSON; NULL where it is none. */
static struct json_object *part_read(const char *part, size_t length)
{
    char *text = calloc(1, length + 1);
    struct json_object *object = NULL;
    size_t text_length = 0;

    FUZZ_CHECK(text != NULL);
    if (sodium_base642bin((unsigned char *)text, length, part, length, NULL, &text_length, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0)
        object = json_tokener_parse(text);
    free(text);
    return object;
}

static const char *text_of(struct json_object *object, const char *name)
{
    struct json_object *member = NULL;

    if (!json_object_object_get_ex(object, name, &member) ||
        !json_object_is_type(member, json_type_string))
        return "";
    return json_object_get_string(member);
}

static int64_t number_of(struct json_object *object, const char *name)
{
    struct json_object *member = NULL;

    if (!json_object_object_get_ex(object, name, &member) ||
        !json_object_is_type(member, json_type_int))
        return 0;
    return json_object_get_int64(member);
}

static void check_claims(const char *token, const struct token_claims *got)
{
    const char *second = strchr(token, '.') + 1;
    struct json_object *header = part_read(token, (size_t)(second - 1 - token));
    struct json_object *claims = part_read(second, strcspn(second, "."));

    FUZZ_CHECK(header != NULL && claims != NULL);
    FUZZ_CHECK(strcmp(text_of(header, "alg"), "HS256") == 0);
    FUZZ_CHECK(strcmp(text_of(header, "typ"), "JWT") == 0);
    FUZZ_CHECK(strcmp(text_of(header, "kid"), "k1") == 0);
    FUZZ_CHECK(!json_object_object_get_ex(header, "crit", NULL));
    FUZZ_CHECK(!json_object_object_get_ex(claims, "nbf", NULL));
    FUZZ_CHECK(strcmp(text_of(claims, "iss"), "perch") == 0);
    FUZZ_CHECK(strcmp(text_of(claims, "aud"), "perch") == 0);
    FUZZ_CHECK(strtoll(text_of(claims, "sub"), NULL, 10) == got->user_id);
    FUZZ_CHECK(number_of(claims, "sid") == got->session_id);
    FUZZ_CHECK(number_of(claims, "exp") == got->expires_at && got->expires_at > now);
    FUZZ_CHECK(number_of(claims, "iat") == got->issued_at && got->issued_at <= now + 60);
    FUZZ_CHECK(got->user_id > 0 && got->user_id <= STORE_ID_MAX);
    FUZZ_CHECK(got->session_id > 0 && got->session_id <= STORE_ID_MAX);
    json_object_put(header);
    json_object_put(claims);
}

static void verify(const char *token, size_t length)
{
    struct token_claims claims = {.user_id = -5};
    int err = token_verify(fuzz_keys(), token, length, now, &claims);

    FUZZ_CHECK(err == 0 || (err == ERR_UNAUTHORIZED && claims.user_id == -5));
    if (err == 0) {
        FUZZ_CHECK(length <= TOKEN_TEXT_MAX && signature_is_good(token, length));
        check_claims(token, &claims);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    const char *line_end = memchr(text, '\n', size);
    struct buf token = {0};

    if (text[0] == '{' && line_end) {
        size_t header_length = (size_t)(line_end - text);

        sign(&token, text, header_length, line_end + 1, size - header_length - 1);
        verify(token.data, token.length);
    } else {
        verify(text, size);
    }
    buf_release(&token);
    free(text);
    return 0;
}
