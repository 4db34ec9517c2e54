/* SPDX-License-Identifier: MIT */
/*
 * Inside the service, by LD_PRELOAD: stands before the functions that can fail and makes one call
 * of one of them fail. Only calls of the program, and of the libraries that do its input and
 * output, made between the begin and the end of main, are looked at.
 */
#ifndef TESTS_TORTURE_INTERPOSER_H
#define TESTS_TORTURE_INTERPOSER_H

#include <stdbool.h>

/*
 * True when this call, with this return address, is the one to fail. Keeps errno.
 * interposer_fails_program: only if the program itself calls, for functions that a library also
 * calls within itself and then does not look at what they return.
 */
bool interposer_fails(const char *call, const void *return_address);
bool interposer_fails_program(const char *call, const void *return_address);

/* The function that would have been called without the interposer. */
void *interposer_find(const char *name);

/*
 * Defines a function that does `failure` when `fails` says so, and else calls the real one. ISO C
 * has no way from what dlsym returns to a function, so it goes through memory.
 */
#define INTERPOSE_WHEN(fails, type, name, parameters, arguments, failure)                          \
    type name parameters                                                                           \
    {                                                                                              \
        static __typeof__(type(*) parameters) real;                                                \
        if (real == NULL) {                                                                        \
            *(void **)&real = interposer_find(#name);                                              \
        }                                                                                          \
        if (fails(#name, __builtin_return_address(0))) {                                           \
            failure                                                                                \
        }                                                                                          \
        return real arguments;                                                                     \
    }

#endif
