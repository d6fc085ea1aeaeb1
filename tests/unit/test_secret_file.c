#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "common/secret_file.h"

enum { SIZE = 16 }; /* so 14 bytes of a file */

static char path[UNIT_TMP_BYTES];

static int group_begin(void **state)
{
    (void)state;
    unit_tmp(path, "perch-secret");
    close(mkstemp(path));
    return 0;
}

static int group_end(void **state)
{
    (void)state;
    return unlink(path);
}

static void file_write(const char *text, size_t length, mode_t mode)
{
    int file = open(path, O_WRONLY | O_TRUNC);

    assert_true(file >= 0);
    assert_int_equal(write(file, text, length), (ssize_t)length);
    assert_int_equal(fchmod(file, mode), 0);
    close(file);
}

/* The log line has `says` in it and nothing of the file. */
static void refused(const char *where, const char *says)
{
    char text[SIZE];
    const char *line;

    unit_stderr_begin();
    assert_int_equal(secret_file_read("token file", where, text, sizeof(text)), ERR_CONFIG);
    line = unit_stderr_end();
    assert_non_null(strstr(line, "token file "));
    assert_non_null(strstr(line, where));
    assert_non_null(strstr(line, says));
    assert_null(strstr(line, "hush"));
}

static void a_file_of_owner_and_group_is_read_whole(void **state)
{
    static const mode_t modes[] = {0600, 0640, 0400};
    char text[SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT(modes); i++) {
        file_write("hush\nhush hush", 14, modes[i]);
        assert_int_equal(secret_file_read("token file", path, text, sizeof(text)), 0);
        assert_string_equal(text, "hush\nhush hush");
        assert_int_equal(chmod(path, 0600), 0);
    }
    file_write("", 0, 0600);
    assert_int_equal(secret_file_read("token file", path, text, sizeof(text)), 0);
    assert_string_equal(text, "");
}

static void a_file_that_others_may_touch_is_refused(void **state)
{
    static const mode_t modes[] = {0604, 0602, 0601, 0644, 0666};

    (void)state;
    for (size_t i = 0; i < COUNT(modes); i++) {
        file_write("hush", 4, modes[i]);
        refused(path, "chmod 0640");
    }
}

static void what_is_too_long_or_no_text_is_refused(void **state)
{
    (void)state;
    file_write("hush hush hush!", 15, 0600);
    refused(path, "too large");
    file_write("hush\0hush", 9, 0600);
    refused(path, "not text");
}

static void what_is_missing_or_no_file_is_refused(void **state)
{
    (void)state;
    refused("/nonexistent/secret", "No such file");
    refused("/", "regular file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_owner_and_group_is_read_whole),
        cmocka_unit_test(a_file_that_others_may_touch_is_refused),
        cmocka_unit_test(what_is_too_long_or_no_text_is_refused),
        cmocka_unit_test(what_is_missing_or_no_file_is_refused),
    };

    return cmocka_run_group_tests_name("secret_file", tests, group_begin, group_end);
}
