/* Hostile tokens are made by hand, with libsodium's HMAC, so that each has a good signature unless
 * the signature is what it is about. */
#include "unit.h"

#include <fcntl.h>
#include <jwt.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "fcgi-app/token.h"

#define NOW       INT64_C(1700000000)
#define HEADER    "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}"
#define LIFE      "\"iat\":1699999000,\"exp\":1700001000"
#define WHO       "\"iss\":\"perch\",\"aud\":\"perch\""
#define IDS       "\"sub\":\"42\",\"sid\":7"
#define BODY(...) "{" __VA_ARGS__ "}"

/* base64url of 32 bytes each: 'A'…, 'B'…, and one that is in no file. */
static const char key_one[] = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE";
static const char key_two[] = "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI";
static unsigned char secret_one[32], secret_two[32], secret_alien[32];

static struct token_keys *keys;
static char file_path[UNIT_TMP_BYTES];

static void file_write(const char *text, mode_t mode)
{
    int file = open(file_path, O_WRONLY | O_TRUNC);

    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(file, mode), 0);
    close(file);
}

static int group_begin(void **state)
{
    char text[256];

    (void)state;
    memset(secret_one, 'A', sizeof(secret_one));
    memset(secret_two, 'B', sizeof(secret_two));
    memset(secret_alien, 'C', sizeof(secret_alien));
    unit_tmp(file_path, "perch-token");
    close(mkstemp(file_path));
    snprintf(text, sizeof(text), "# keys\n\nk1 %s\n k2\t%s \r\n", key_one, key_two);
    file_write(text, 0640);
    return token_keys_load(file_path, &keys);
}

static int group_end(void **state)
{
    (void)state;
    token_keys_free(keys);
    return unlink(file_path);
}

/* base64url at the end of text. */
static void encode_add(char *text, size_t size, const void *bytes, size_t length)
{
    size_t used = strlen(text);

    sodium_bin2base64(text + used, size - used, bytes, length,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* The header and the claims, signed with HMAC-SHA256. */
static void token_make(char *text, size_t size, const char *header, const char *claims,
                       const unsigned char secret[32])
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];

    text[0] = '\0';
    encode_add(text, size, header, strlen(header));
    strncat(text, ".", size - strlen(text) - 1);
    encode_add(text, size, claims, strlen(claims));
    crypto_auth_hmacsha256(mac, (const unsigned char *)text, strlen(text), secret);
    strncat(text, ".", size - strlen(text) - 1);
    encode_add(text, size, mac, sizeof(mac));
}

static int verify(const char *text, size_t length)
{
    struct token_claims claims = {.user_id = -5};
    int err = token_verify(keys, text, length, NOW, &claims);

    assert_true(err == 0 || claims.user_id == -5);
    return err;
}

static int verify_made(const char *header, const char *claims, const unsigned char secret[32])
{
    char text[8192];

    token_make(text, sizeof(text), header, claims, secret);
    return verify(text, strlen(text));
}

static void signed_token_verifies_with_its_claims(void **state)
{
    const struct token_claims claims = {.user_id = (INT64_C(1) << 53) - 1,
                                        .session_id = 7,
                                        .issued_at = NOW - 10,
                                        .expires_at = NOW + 10};
    struct token_claims got = {0};
    char *token = NULL;

    (void)state;
    assert_int_equal(token_sign(keys, &claims, &token), 0);
    assert_int_equal(token_verify(keys, token, strlen(token), NOW, &got), 0);
    assert_memory_equal(&got, &claims, sizeof(got));
    assert_int_equal(token_verify(keys, token, strlen(token), NOW + 9, &got), 0);
    assert_int_equal(token_verify(keys, token, strlen(token), NOW + 10, &got), ERR_UNAUTHORIZED);
    free(token);
}

static void handmade_token_verifies_under_each_key_of_the_file(void **state)
{
    (void)state;
    assert_int_equal(verify_made(HEADER, BODY(WHO "," LIFE "," IDS), secret_one), 0);
    assert_int_equal(verify_made("{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k2\"}",
                                 BODY(WHO "," LIFE "," IDS), secret_two),
                     0);
}

static void hostile_headers_are_refused(void **state)
{
    static const char *const headers[] = {
        "{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"k1\"}",
        "{\"alg\":\"NONE\",\"typ\":\"JWT\",\"kid\":\"k1\"}",
        "{\"alg\":\"hs256\",\"typ\":\"JWT\",\"kid\":\"k1\"}",
        "{\"alg\":\"HS384\",\"typ\":\"JWT\",\"kid\":\"k1\"}",
        "{\"alg\":\"HS512\",\"typ\":\"JWT\",\"kid\":\"k1\"}",
        "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}",
        "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"k1\"}",
        "{\"alg\":256,\"typ\":\"JWT\",\"kid\":\"k1\"}",
        "{\"typ\":\"JWT\",\"kid\":\"k1\"}",
        "{\"alg\":\"HS256\",\"kid\":\"k1\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWE\",\"kid\":\"k1\"}",
        "{\"alg\":\"HS256\",\"typ\":1,\"kid\":\"k1\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k3\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"K1\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":1}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":null}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":[\"k1\"]}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"../../x\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"/dev/null\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k1\\u0000x\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k1' or '1'='1\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k2\"}", /* signed with the other key */
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k1\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"HS256\",\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"k1\"}",
        "{}",
        "[]",
        "null",
        "not json",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(headers); i++) {
        if (verify_made(headers[i], BODY(WHO "," LIFE "," IDS), secret_one) != ERR_UNAUTHORIZED)
            fail_msg("accepted: %s", headers[i]);
    }
}

static void hostile_claims_are_refused(void **state)
{
    static const char *const bodies[] = {
        BODY(WHO "," IDS ",\"iat\":1699999000"),                    /* no exp */
        BODY(WHO "," IDS ",\"iat\":1699999000,\"exp\":1700000000"), /* ends now */
        BODY(WHO "," IDS ",\"iat\":1699999000,\"exp\":1699999999"), /* ended */
        BODY(WHO "," IDS ",\"iat\":1699999000,\"exp\":0"),
        BODY(WHO "," IDS ",\"iat\":1699999000,\"exp\":-1"),
        BODY(WHO "," IDS ",\"iat\":1699999000,\"exp\":\"1700001000\""),
        BODY(WHO "," IDS ",\"iat\":1699999000,\"exp\":1700001000.5"),
        BODY(WHO "," IDS ",\"iat\":1699999000,\"exp\":99999999999999999999"),
        BODY(WHO "," IDS ",\"iat\":1699999000,\"exp\":null"),
        BODY(WHO "," IDS ",\"iat\":1699999000,\"exp\":true"),
        BODY(WHO "," IDS ",\"exp\":1700001000"),                    /* no iat */
        BODY(WHO "," IDS ",\"iat\":1700007201,\"exp\":1700001000"), /* from the future */
        BODY(WHO "," IDS ",\"iat\":\"1699999000\",\"exp\":1700001000"),
        BODY(WHO "," IDS "," LIFE ",\"nbf\":1700000500"),
        BODY("\"aud\":\"perch\"," IDS "," LIFE), /* no iss */
        BODY("\"iss\":\"Perch\",\"aud\":\"perch\"," IDS "," LIFE),
        BODY("\"iss\":\"perch\"," IDS "," LIFE), /* no aud */
        BODY("\"iss\":\"perch\",\"aud\":\"other\"," IDS "," LIFE),
        BODY("\"iss\":\"perch\",\"aud\":[\"perch\"]," IDS "," LIFE),
        BODY("\"iss\":\"perch\",\"aud\":\"perch\\u0000x\"," IDS "," LIFE),
        BODY(WHO "," LIFE ",\"sub\":\"42\""), /* no sid */
        BODY(WHO "," LIFE ",\"sub\":\"42\",\"sid\":0"),
        BODY(WHO "," LIFE ",\"sub\":\"42\",\"sid\":-7"),
        BODY(WHO "," LIFE ",\"sub\":\"42\",\"sid\":9007199254740992"),
        BODY(WHO "," LIFE ",\"sub\":\"42\",\"sid\":18446744073709551617"),
        BODY(WHO "," LIFE ",\"sub\":\"42\",\"sid\":\"7\""),
        BODY(WHO "," LIFE ",\"sub\":\"42\",\"sid\":7.0"),
        BODY(WHO "," LIFE ",\"sub\":\"42\",\"sid\":[7]"),
        BODY(WHO "," LIFE ",\"sub\":\"42\",\"sid\":null"),
        BODY(WHO "," LIFE ",\"sid\":7"), /* no sub */
        BODY(WHO "," LIFE ",\"sid\":7,\"sub\":42"),
        BODY(WHO "," LIFE ",\"sid\":7,\"sub\":\"\""),
        BODY(WHO "," LIFE ",\"sid\":7,\"sub\":\"0\""),
        BODY(WHO "," LIFE ",\"sid\":7,\"sub\":\"-1\""),
        BODY(WHO "," LIFE ",\"sid\":7,\"sub\":\"+1\""),
        BODY(WHO "," LIFE ",\"sid\":7,\"sub\":\" 1\""),
        BODY(WHO "," LIFE ",\"sid\":7,\"sub\":\"042\""),
        BODY(WHO "," LIFE ",\"sid\":7,\"sub\":\"42x\""),
        BODY(WHO "," LIFE ",\"sid\":7,\"sub\":\"9007199254740992\""),
        BODY(WHO "," LIFE ",\"sid\":7,\"sub\":\"99999999999999999999\""),
        "{}",
        "[]",
        "7",
        "not json",
        "{\"iss\":\"perch\"",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        if (verify_made(HEADER, bodies[i], secret_one) != ERR_UNAUTHORIZED)
            fail_msg("accepted: %s", bodies[i]);
    }
}

static void a_clock_may_be_two_hours_behind(void **state)
{
    (void)state;
    assert_int_equal(
        verify_made(HEADER, BODY(WHO "," IDS ",\"iat\":1700007200,\"exp\":1700001000"), secret_one),
        0);
}

static void alien_key_is_refused(void **state)
{
    (void)state;
    assert_int_equal(verify_made(HEADER, BODY(WHO "," LIFE "," IDS), secret_alien),
                     ERR_UNAUTHORIZED);
    assert_int_equal(verify_made(HEADER, BODY(WHO "," LIFE "," IDS), secret_two), ERR_UNAUTHORIZED);
}

static void other_hashes_under_the_right_key_are_refused(void **state)
{
    static const jwt_alg_t algorithms[] = {JWT_ALG_HS384, JWT_ALG_HS512};

    (void)state;
    for (size_t i = 0; i < COUNT(algorithms); i++) {
        jwt_t *jwt = NULL;
        char *token;

        assert_int_equal(jwt_new(&jwt), 0);
        assert_int_equal(jwt_set_alg(jwt, algorithms[i], secret_one, sizeof(secret_one)), 0);
        assert_int_equal(jwt_add_header(jwt, "kid", "k1"), 0);
        assert_int_equal(jwt_add_grants_json(jwt, BODY(WHO "," LIFE "," IDS)), 0);
        token = jwt_encode_str(jwt);
        assert_int_equal(verify(token, strlen(token)), ERR_UNAUTHORIZED);
        free(token);
        jwt_free(jwt);
    }
}

static void any_changed_character_is_refused(void **state)
{
    char text[1024];

    (void)state;
    token_make(text, sizeof(text), HEADER, BODY(WHO "," LIFE "," IDS), secret_one);
    assert_int_equal(verify(text, strlen(text)), 0);
    for (size_t i = 0; text[i] != '\0'; i++) {
        char kept = text[i];

        for (int bit = 0; bit < 8; bit++) {
            text[i] = (char)((unsigned char)kept ^ (1U << bit));
            if (verify(text, strlen(text) + (text[i] == '\0')) != ERR_UNAUTHORIZED)
                fail_msg("accepted with bit %d of byte %zu flipped", bit, i);
        }
        text[i] = kept;
    }
}

static void any_shortened_or_lengthened_token_is_refused(void **state)
{
    char text[1024];
    size_t length;

    (void)state;
    token_make(text, sizeof(text), HEADER, BODY(WHO "," LIFE "," IDS), secret_one);
    length = strlen(text);
    for (size_t i = 0; i < length; i++)
        assert_int_equal(verify(text, i), ERR_UNAUTHORIZED);
    assert_int_equal(verify(text, length + 1), ERR_UNAUTHORIZED); /* an embedded NUL */
    strncat(text, "=", sizeof(text) - length - 1);
    assert_int_equal(verify(text, length + 1), ERR_UNAUTHORIZED);
    text[length] = '.';
    assert_int_equal(verify(text, length + 1), ERR_UNAUTHORIZED);
    text[length] = '\n';
    assert_int_equal(verify(text, length + 1), ERR_UNAUTHORIZED);
}

static void shapes_that_are_no_token_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a..b",
        ".a.b",
        "a.b.",
        "a.b.c",
        "a.b.c.d",
        "a b.c.d",
        "a.b.c ",
        "Bearer a.b.c",
        "{}.{}.{}",
        "%00.%00.%00",
        "ж.ж.ж",
        "eyJhbGciOiJIUzI1NiJ9..",
        "====.====.====",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_int_equal(verify(texts[i], strlen(texts[i])), ERR_UNAUTHORIZED);
}

static void unsigned_token_is_refused(void **state)
{
    char text[1024] = "";

    (void)state;
    encode_add(text, sizeof(text), "{\"alg\":\"none\",\"kid\":\"k1\"}", 25);
    strncat(text, ".", sizeof(text) - strlen(text) - 1);
    encode_add(text, sizeof(text), BODY(WHO "," LIFE "," IDS), strlen(BODY(WHO "," LIFE "," IDS)));
    strncat(text, ".", sizeof(text) - strlen(text) - 1);
    assert_int_equal(verify(text, strlen(text)), ERR_UNAUTHORIZED);
}

static void oversize_token_is_refused_unread(void **state)
{
    const size_t size = 1024 * 1024;
    char *text = malloc(size);

    (void)state;
    assert_non_null(text);
    memset(text, 'A', size);
    assert_int_equal(verify(text, size), ERR_UNAUTHORIZED);
    text[size / 3] = text[size / 2] = '.';
    assert_int_equal(verify(text, size), ERR_UNAUTHORIZED);
    assert_int_equal(verify(text, TOKEN_TEXT_MAX), ERR_UNAUTHORIZED);
    assert_int_equal(verify(text, TOKEN_TEXT_MAX + 1), ERR_UNAUTHORIZED);
    free(text);
}

static void text_need_not_end_with_nul(void **state)
{
    char text[1024];
    char *copy;
    size_t length;

    (void)state;
    token_make(text, sizeof(text), HEADER, BODY(WHO "," LIFE "," IDS), secret_one);
    length = strlen(text);
    copy = malloc(length);
    assert_non_null(copy);
    memcpy(copy, text, length);
    assert_int_equal(verify(copy, length), 0);
    free(copy);
}

static void first_key_signs_and_a_rotated_key_still_verifies(void **state)
{
    const struct token_claims claims = {1, 2, NOW, NOW + 10};
    struct token_keys *rotated = NULL;
    struct token_claims got;
    char text[256];
    char *old = NULL, *fresh = NULL;

    (void)state;
    assert_int_equal(token_sign(keys, &claims, &old), 0);
    snprintf(text, sizeof(text), "new %s\nk1 %s\n", key_two, key_one);
    file_write(text, 0600);
    assert_int_equal(token_keys_load(file_path, &rotated), 0);
    assert_int_equal(token_verify(rotated, old, strlen(old), NOW, &got), 0);
    assert_int_equal(token_sign(rotated, &claims, &fresh), 0);
    assert_int_equal(token_verify(rotated, fresh, strlen(fresh), NOW, &got), 0);
    assert_int_equal(token_verify(keys, fresh, strlen(fresh), NOW, &got), ERR_UNAUTHORIZED);
    free(old);
    free(fresh);
    token_keys_free(rotated);
}

static void load_expecting(const char *text, mode_t mode, const char *complaint)
{
    struct token_keys *loaded = NULL;
    const char *line;

    file_write(text, mode);
    unit_stderr_begin();
    assert_int_equal(token_keys_load(file_path, &loaded), ERR_CONFIG);
    line = unit_stderr_end();
    assert_null(loaded);
    if (!strstr(line, complaint))
        fail_msg("'%s' does not say '%s'", line, complaint);
}

static void wrong_key_files_are_refused_with_a_reason(void **state)
{
    char good[128], twice[256], many[2048] = "";

    (void)state;
    snprintf(good, sizeof(good), "k1 %s\n", key_one);
    snprintf(twice, sizeof(twice), "k1 %s\nk1 %s\n", key_one, key_two);
    for (int i = 0; i < 17; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many), "k%d %s\n", i, key_one);

    load_expecting(good, 0644, "chmod 0640");
    load_expecting(good, 0602, "chmod 0640");
    load_expecting("", 0600, "no key");
    load_expecting("# only a comment\n\n", 0600, "no key");
    load_expecting("k1\n", 0600, "line 1 wants");
    load_expecting("\n../x QUFB\n", 0600, "line 2 wants");
    load_expecting("seventeen-letters QUFB\n", 0600, "line 1 wants");
    load_expecting("k1 QUFB\n", 0600, "less than 32 bytes");
    load_expecting("k1 QUF+\n", 0600, "not base64url");
    load_expecting("k1 QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=\n", 0600, "not base64url");
    load_expecting("k1 QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE x\n", 0600, "not base64url");
    load_expecting(twice, 0600, "line 2 repeats");
    load_expecting(many, 0600, "line 17 is one key too many");
}

static void complaints_never_show_a_key(void **state)
{
    struct token_keys *loaded = NULL;
    char text[128];

    (void)state;
    snprintf(text, sizeof(text), "k1 %s=\n", key_one);
    file_write(text, 0600);
    unit_stderr_begin();
    assert_int_equal(token_keys_load(file_path, &loaded), ERR_CONFIG);
    assert_null(strstr(unit_stderr_end(), key_one));
}

static void missing_key_file_is_refused(void **state)
{
    struct token_keys *loaded = NULL;

    (void)state;
    unit_stderr_begin();
    assert_int_equal(token_keys_load("/nonexistent/keys", &loaded), ERR_CONFIG);
    assert_int_equal(token_keys_load("/", &loaded), ERR_CONFIG);
    assert_non_null(strstr(unit_stderr_end(), "/nonexistent/keys: No such file"));
    assert_null(loaded);
    token_keys_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signed_token_verifies_with_its_claims),
        cmocka_unit_test(handmade_token_verifies_under_each_key_of_the_file),
        cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(hostile_claims_are_refused),
        cmocka_unit_test(a_clock_may_be_two_hours_behind),
        cmocka_unit_test(alien_key_is_refused),
        cmocka_unit_test(other_hashes_under_the_right_key_are_refused),
        cmocka_unit_test(any_changed_character_is_refused),
        cmocka_unit_test(any_shortened_or_lengthened_token_is_refused),
        cmocka_unit_test(shapes_that_are_no_token_are_refused),
        cmocka_unit_test(unsigned_token_is_refused),
        cmocka_unit_test(oversize_token_is_refused_unread),
        cmocka_unit_test(text_need_not_end_with_nul),
        cmocka_unit_test(first_key_signs_and_a_rotated_key_still_verifies),
        cmocka_unit_test(wrong_key_files_are_refused_with_a_reason),
        cmocka_unit_test(complaints_never_show_a_key),
        cmocka_unit_test(missing_key_file_is_refused),
    };

    return cmocka_run_group_tests_name("token", tests, group_begin, group_end);
}
