# PERCH_FLAG(VARIABLE, FLAG): add FLAG to VARIABLE if the compiler takes it without a warning.
AC_DEFUN([PERCH_FLAG], [
  AS_VAR_PUSHDEF([cache], [perch_cv_flag_$2])
  AC_CACHE_CHECK([whether $CC accepts $2], [cache], [
    perch_save_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS -Werror $2"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>]], [[puts("");]])],
      [AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
    CFLAGS=$perch_save_CFLAGS])
  AS_VAR_IF([cache], [yes], [AS_VAR_APPEND([$1], [" $2"])])
  AS_VAR_POPDEF([cache])])

# PERCH_LINK_FLAG(VARIABLE, FLAG): the same for the linker.
AC_DEFUN([PERCH_LINK_FLAG], [
  AS_VAR_PUSHDEF([cache], [perch_cv_link_flag_$2])
  AC_CACHE_CHECK([whether the linker accepts $2], [cache], [
    perch_save_CFLAGS=$CFLAGS
    perch_save_LDFLAGS=$LDFLAGS
    CFLAGS="$CFLAGS -fPIE -Werror"
    LDFLAGS="$LDFLAGS $2"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>]], [[puts("");]])],
      [AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
    CFLAGS=$perch_save_CFLAGS
    LDFLAGS=$perch_save_LDFLAGS])
  AS_VAR_IF([cache], [yes], [AS_VAR_APPEND([$1], [" $2"])])
  AS_VAR_POPDEF([cache])])

# PERCH_FLAGS(VARIABLE, FLAGS) and PERCH_LINK_FLAGS(VARIABLE, FLAGS): each of a list, one by one.
AC_DEFUN([PERCH_FLAGS], [m4_foreach_w([perch_flag], [$2], [PERCH_FLAG([$1], m4_defn([perch_flag]))])])
AC_DEFUN([PERCH_LINK_FLAGS], [m4_foreach_w([perch_flag], [$2], [PERCH_LINK_FLAG([$1], m4_defn([perch_flag]))])])

# What is missing is collected, so that one run of configure and one run of apt are enough.
# PERCH_NEED(WHAT, DEBIAN PACKAGE): remember that WHAT is missing.
AC_DEFUN([PERCH_NEED], [
  AC_MSG_WARN([$1 is missing; Debian has it in the package $2])
  perch_missing="$perch_missing $2"])

# PERCH_MODULE(VARIABLE PREFIX, PKG-CONFIG MODULE AND VERSION, DEBIAN PACKAGE)
AC_DEFUN([PERCH_MODULE], [PKG_CHECK_MODULES([$1], [$2], [], [PERCH_NEED([$2], [$3])])])

# PERCH_MISSING_CHECK: end configure if anything was missing.
AC_DEFUN([PERCH_MISSING_CHECK], [
  AS_IF([test -n "$perch_missing"], [
    AC_MSG_ERROR([some of what Perch needs is missing. On Debian:
    apt-get install$perch_missing])])])
