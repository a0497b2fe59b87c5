/* python.exe: hands its arguments to the interpreter in python311.dll, as CPython's own python.exe does. */
#include <windows.h>

#include <stdio.h>

int wmain(int count, wchar_t **arguments) {
    HMODULE interpreter = LoadLibraryW(L"python311.dll");
    int (*main_of_python)(int, wchar_t **);

    if (interpreter == NULL) {
        fprintf(stderr, "python311.dll cannot be loaded: error %lu\n", GetLastError());
        return 127;
    }
    main_of_python = (void *)GetProcAddress(interpreter, "Py_Main");
    return main_of_python(count, arguments);
}
