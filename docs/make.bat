@echo off
rem "make html" builds the documentation into _build\html; warnings are errors.

pushd %~dp0
if "%SPHINXBUILD%" == "" set SPHINXBUILD=sphinx-build
if "%SPHINXOPTS%" == "" set SPHINXOPTS=-W --keep-going
if "%1" == "" (
    %SPHINXBUILD% -M help . _build
) else (
    %SPHINXBUILD% -M %1 . _build %SPHINXOPTS% %O%
)
popd
