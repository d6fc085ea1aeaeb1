#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"

/* Named here, so that tests have the malloc() that the programs have. */
void *(*const unit_memory_new)(size_t) = memory_new;

static FILE *unit_stderr_file;
static int unit_stderr_saved;
static char unit_stderr_text[64 * 1024];

void unit_stderr_begin(void)
{
    unit_stderr_file = tmpfile();
    assert_non_null(unit_stderr_file);
    fflush(stderr);
    unit_stderr_saved = dup(STDERR_FILENO);
    assert_true(dup2(fileno(unit_stderr_file), STDERR_FILENO) >= 0);
}

const char *unit_stderr_end(void)
{
    size_t length;

    fflush(stderr);
    dup2(unit_stderr_saved, STDERR_FILENO);
    close(unit_stderr_saved);
    rewind(unit_stderr_file);
    length = fread(unit_stderr_text, 1, sizeof(unit_stderr_text) - 1, unit_stderr_file);
    unit_stderr_text[length] = '\0';
    fclose(unit_stderr_file);
    return unit_stderr_text;
}

void unit_tmp(char name[UNIT_TMP_BYTES], const char *what)
{
    const char *folder = getenv("TMPDIR");

    if (folder == NULL || strlen(folder) > UNIT_TMP_BYTES / 2)
        folder = "/tmp";
    snprintf(name, UNIT_TMP_BYTES, "%s/%s-XXXXXX", folder, what);
}
