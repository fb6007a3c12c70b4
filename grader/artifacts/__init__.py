"""The ONNX referee: what judges an exported model."""
