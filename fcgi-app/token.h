/* The session token: a JWT (RFC 7519), HS256 only, that names a session and proves nothing more.
 *
 * libjwt 1.10 is wrapped strictly, because by itself it never checks exp, accepts "none" under a
 * NULL key and HS512 under an HS256 key, and dies on a 9 MB token (alloca). Here: length and
 * character set first, the algorithm must be HS256, `typ` JWT, `kid` one of the key file's, `iss`
 * and `aud` "perch", `iat` not in the future (60 s leeway), `exp` not past, `sub` (a string of
 * decimal digits, for RFC 7519 wants a string) and `sid` (a number) positive and of at most 53
 * bits. `crit` and `nbf` are never ours.
 *
 * Key file: one key per line, "<kid> <base64url of 32 to 64 random bytes>"; the first line
 * signs, all verify; '#' starts a comment. kid: 1 to 16 of [A-Za-z0-9_-]. To rotate, put a new key
 * on top and HUP; drop the old line when its tokens have expired. */
#ifndef PERCH_TOKEN_H
#define PERCH_TOKEN_H

#include <stddef.h>
#include <stdint.h>

enum { TOKEN_TEXT_MAX = 4096 };

struct token_keys; /* 1 to 16 keys, wiped when freed */

struct token_claims {
    int64_t user_id;    /* sub */
    int64_t session_id; /* sid */
    int64_t issued_at;  /* iat, seconds since 1970 */
    int64_t expires_at; /* exp */
};

/* ERR_CONFIG, with a log line that says what to mend, when the file is missing, readable by others
 * than owner and group, or malformed. The caller frees the keys. */
int token_keys_load(const char *path, struct token_keys **ret_keys)
    __attribute__((warn_unused_result));
void token_keys_free(struct token_keys *keys);

/* ret_token is malloc'ed. */
int token_sign(const struct token_keys *keys, const struct token_claims *claims, char **ret_token)
    __attribute__((warn_unused_result));

/* ERR_UNAUTHORIZED for anything that is not a valid token of ours at wall time `now`. `text` of
 * `length` bytes need not be NUL-terminated and may be hostile. */
int token_verify(const struct token_keys *keys, const char *text, size_t length, int64_t now,
                 struct token_claims *ret_claims) __attribute__((warn_unused_result));

#endif
