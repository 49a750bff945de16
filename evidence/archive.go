package evidence

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gatehouse/store"
)

// Archive makes a bundle and returns its files as a zip archive.
func (k *Key) Archive(ctx context.Context, s *store.Store, r Request) (report *Report, archive []byte, err error) {
	dir, err := os.MkdirTemp("", "gatehouse-report-*")
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if report, err = k.Bundle(ctx, s, r, dir); err != nil {
		return nil, nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, nil, err
		}
		f, err := w.CreateHeader(&zip.FileHeader{Name: e.Name(), Method: zip.Deflate, Modified: r.Now})
		if err == nil {
			_, err = f.Write(content)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	err = w.Close()
	return report, b.Bytes(), err
}

// Extract writes the files of an archive into dir, which must be new or empty. It takes
// plain files only: an archive that names anything else is refused.
func Extract(archive []byte, dir string) error {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return fmt.Errorf("the bundle cannot be read: %w", err)
	}
	if err := emptyDir(dir); err != nil {
		return err
	}
	for _, f := range z.File {
		if f.Name != filepath.Base(f.Name) || !filepath.IsLocal(f.Name) || !f.Mode().IsRegular() {
			return fmt.Errorf("the bundle names %q, which is no plain file", f.Name)
		}
		if err := extract(f, filepath.Join(dir, f.Name)); err != nil {
			return err
		}
	}
	return nil
}

func extract(f *zip.File, path string) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	content, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	return writeSynced(path, content)
}
